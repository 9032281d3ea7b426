/**
 * `coffre drill report` and `verify-report`: what a drill was, as a file to hand on, and whether a file is still that.
 *
 *   report NAME -o html --out FILE ──▶ FILE, FILE.sig ──verify-report FILE --key PUB──▶ its very bytes, or not
 *
 * The control plane writes the text and signs it; here it is only kept. Checking asks nobody: a file, a signature and the
 * key are enough, on any machine.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { SignedReport } from '../chaos/drill-engine.ts';
import { type ReportForm, type ReportLanguage, reportLanguages } from '../chaos/report/report-form.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { drillExitCode } from './drill-text.ts';
import { exitCode } from './exit-code.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Behind a report's name. */
const signatureSuffix = '.sig';

/** Of an Ed25519 signature. */
const signatureBytes = 64;

const formNamed = { md: 'markdown', markdown: 'markdown', html: 'html', json: 'json' } as const satisfies Record<
  string,
  ReportForm
>;

interface ReportOptions extends DoorOptions {
  readonly output: keyof typeof formNamed;
  readonly lang: ReportLanguage;
  readonly out?: string;
}

interface VerifyOptions {
  readonly key: string;
  readonly sig?: string;
}

export function addDrillReportCommands(drill: Command, terminal: Terminal): void {
  withDoorOptions(drill.command('report'))
    .description('what was believed, what was done, whom it reached; signed; exits 80 or 81 by it')
    .argument('<name>', 'the drill, as `tenant/name`')
    .addOption(
      new Option('-o, --output <format>', 'Markdown, one HTML file with graphs, or all of it as JSON')
        .choices(Object.keys(formNamed))
        .default('markdown'),
    )
    .addOption(new Option('--lang <language>', 'of its sentences').choices([...reportLanguages]).default('en'))
    .option('--out <file>', 'write it there, and its signature beside it, instead of printing it')
    .action((name: string, options: ReportOptions) => report(terminal, name, options));
  drill
    .command('verify-report')
    .description('check without any control plane that a report is the one that was signed')
    .argument('<file>', 'the report, as `report --out` wrote it')
    .requiredOption('--key <file>', 'public key of the evidence, as `coffre evidence head --public-key` prints it')
    .option('--sig <file>', 'its signature, where that is not beside it')
    .action((file: string, options: VerifyOptions) => verifyReport(terminal, file, options));
}

async function report(terminal: Terminal, drill: string, options: ReportOptions): Promise<void> {
  const { output, lang: language, out } = options;
  const signed: SignedReport = await askDoor(options, 'drillReport', { drill, form: formNamed[output], language });
  if (out === undefined) terminal.out(signed.text);
  else {
    await writeFile(out, signed.text);
    await writeFile(`${out}${signatureSuffix}`, `${signed.signature}\n`);
    terminal.out(`written to ${printable(out)}, signed in ${printable(out)}${signatureSuffix}\n`);
  }
  terminal.setExitCode(drillExitCode(signed));
}

async function verifyReport(terminal: Terminal, file: string, { key, sig }: VerifyOptions): Promise<void> {
  const bytes = await readFile(file);
  const publicKey = readPublicKey(key, await readFile(key, 'utf8'));
  const signature = Buffer.from(await readFile(sig ?? `${file}${signatureSuffix}`, 'utf8'), 'base64');
  if (signature.length === signatureBytes && verify(null, bytes, publicKey, signature)) {
    terminal.out(`${printable(file)} is what was signed, to the byte\n`);
    return;
  }
  terminal.out(`${printable(file)} is NOT what was signed with this key: it was changed, or another key signed it\n`);
  terminal.setExitCode(exitCode.no);
}

/** @throws CliFailure */
function readPublicKey(path: string, pem: string): KeyObject {
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below: whatever it is, it is no such key.
  }
  const advice = 'give the PEM that `coffre evidence head --public-key` prints, taken while you trusted its source';
  throw new CliFailure(exitCode.misuse, `\`${path}\` holds no public key of Ed25519`, advice);
}

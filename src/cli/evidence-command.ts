/** `coffre evidence`: the chain itself. Where it ends, whether it is whole, a copy that proves itself, and whom it forgets. */
import { once } from 'node:events';
import { constants, createWriteStream } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { ChainReport } from '../evidence/chain/chain-check.ts';
import { findingText } from '../evidence/chain/chain-finding.ts';
import { exportTo } from '../evidence/chain/export.io.ts';
import { headText, parseHead } from '../evidence/chain/head.ts';
import { verifyFile } from '../evidence/chain/verify.io.ts';
import type { EventKind } from '../evidence/event.ts';
import { exportPostgres, verifyPostgres } from '../evidence/postgres/postgres-copy.io.ts';
import { postgresGrants, postgresSchema } from '../evidence/postgres/postgres-schema.ts';
import { storeFile } from '../evidence/sqlite/sqlite-store.io.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, stateOption, withDoorOptions } from './door-options.ts';
import { collectKind, filterOf, type SpanOptions, withSpan } from './event-filters.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { publicKeyIn } from './public-key-file.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

/** In the state folder. */
const evidenceFolder = 'evidence';

interface HeadOptions extends DoorOptions {
  readonly publicKey?: true;
  readonly output: OutputFormat;
}

interface VerifyOptions {
  readonly postgres?: string;
  readonly replica: string;
  readonly key: string;
  readonly expectHead?: string;
  readonly output: OutputFormat;
}

interface ExportOptions extends SpanOptions {
  readonly postgres?: string;
  readonly replica: string;
  readonly state: string;
  readonly tenant?: string;
  readonly kind: readonly EventKind[];
  readonly out: string;
}

interface ForgetOptions extends DoorOptions {
  readonly confirm?: string;
}

export function addEvidenceCommand(program: Command, terminal: Terminal): void {
  const evidence = program.command('evidence').description('the chain of events: its end, its wholeness, copies of it');
  withDoorOptions(evidence.command('head'))
    .description('where the chain ends now; written down elsewhere it proves that nothing was cut off later')
    .option('--public-key', 'print the key that signs it, as PEM, and nothing else')
    .addOption(outputOption())
    .action((options: HeadOptions) => head(terminal, options));
  evidence
    .command('verify')
    .description('whether a store or an export is whole, by the public key alone: nothing is asked of a control plane')
    .argument('[file]', '`evidence.db` of a state folder, also of one that runs, or an export')
    .addOption(postgresOption())
    .option('--replica <name>', 'with --postgres: whose chain', 'coffre')
    .requiredOption('--key <file>', 'public key, as `coffre evidence head --public-key` printed it')
    .option('--expect-head <head>', 'REPLICA:POSITION:HASH that was witnessed elsewhere: shows whether the end was cut')
    .addOption(outputOption())
    .action((file: string | undefined, options: VerifyOptions) => verify(terminal, file, options));
  withSpan(evidence.command('export'))
    .description('a copy as JSON lines that verifies by itself; what is left out goes along as a digest')
    .addOption(stateOption())
    .addOption(postgresOption())
    .option('--replica <name>', 'with --postgres: whose chain', 'coffre')
    .requiredOption('--out <file>', 'file to write; it must not be there')
    .option('--tenant <tenant>', 'tell the events of one tenant only')
    .option('--kind <kind>', 'tell this kind only; repeatable', collectKind, [])
    .action((options: ExportOptions) => exportEvidence(terminal, options));
  evidence
    .command('schema')
    .description('SQL that makes the tables of a shared store, and what the role of the control plane needs')
    .option('--role <role>', 'the role that `--evidence-postgres` connects as', 'coffre')
    .action(({ role }: { readonly role: string }) => terminal.out(`${postgresSchema}\n${postgresGrants(role)}\n`));
  withDoorOptions(evidence.command('forget'))
    .description("destroy the key of a tenant's pseudonyms: who its people were cannot be told any more, by nobody")
    .argument('<tenant>', 'whose people')
    .option('--confirm <tenant>', 'the name once more; asked for where a person sits there')
    .action((tenant: string, options: ForgetOptions) => forget(terminal, tenant, options));
}

async function head(terminal: Terminal, options: HeadOptions): Promise<void> {
  const answer = await askDoor(options, 'evidenceHead', {});
  if (options.publicKey === true) return terminal.out(answer.publicKey);
  if (options.output === 'json') return writeJson(terminal, answer);
  const { head: newest, blocked } = answer;
  if (newest === null) terminal.out('nothing is kept yet\n');
  else terminal.out(`${headText(newest)}\n`);
  if (blocked === null) return;
  terminal.err(`nothing more is written: ${blocked}\n`);
  terminal.setExitCode(exitCode.no);
}

async function forget(terminal: Terminal, tenant: string, options: ForgetOptions): Promise<void> {
  const question = `Nobody can undo this. Write \`${tenant}\` to go on: `;
  const confirmed = options.confirm ?? (await terminal.person?.ask(question));
  if (confirmed !== tenant) {
    const message = `the people of \`${tenant}\` are still known: it was not confirmed`;
    throw new CliFailure(exitCode.misuse, message, `give \`--confirm ${tenant}\``);
  }
  await askDoor(options, 'evidenceForget', { tenant });
  terminal.out(`the people of ${tenant} are pseudonyms for good\n`);
}

async function verify(terminal: Terminal, file: string | undefined, options: VerifyOptions): Promise<void> {
  const { key, expectHead, output, postgres, replica } = options;
  const publicKeyPem = await publicKeyIn(key);
  const expected = expectHead === undefined ? undefined : parseHead(expectHead);
  if (expectHead !== undefined && expected === undefined) {
    const message = `\`${expectHead}\` is no head`;
    throw new CliFailure(exitCode.misuse, message, 'write REPLICA:POSITION:HASH, as `coffre evidence head` prints it');
  }
  const by = { publicKeyPem, ...(expected === undefined ? {} : { expectHead: expected }) };
  const report =
    postgres === undefined
      ? await verifyFile(await fileNamed(file), by)
      : await verifyPostgres(await connectionIn(postgres), replica, by);
  if (output === 'json') writeJson(terminal, { ...report, whole: report.findings.length === 0 });
  else terminal.out(reportText(report, expected !== undefined));
  if (report.findings.length > 0) terminal.setExitCode(exitCode.no);
}

/** One that cannot be opened is misuse, and not damage. */
async function fileNamed(file: string | undefined): Promise<string> {
  if (file !== undefined) {
    await access(file, constants.R_OK);
    return file;
  }
  const message = 'it is not said what to verify';
  throw new CliFailure(exitCode.misuse, message, 'name the file of a store or an export, or `--postgres FILE`');
}

/** In a file, as it may hold a password. */
async function connectionIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

function postgresOption(): Option {
  return new Option('--postgres <file>', 'a shared store, by the file that holds its connection string');
}

function reportText(report: ChainReport, isWitnessed: boolean): string {
  const { replica, first, last, records, pruned, withheld, findings } = report;
  const told = `${plural(records, 'record')} of \`${replica}\`, positions ${first} to ${last}`;
  const bodies = [pruned > 0 && `${pruned} without a body by retention`, withheld > 0 && `${withheld} withheld`];
  const lines = [
    records === 0 ? 'no record could be read' : [told, ...bodies].filter((part) => part !== false).join(', '),
    ...findings.map((finding) => `DAMAGED: ${findingText(finding)}`),
    ...(findings.length > 0 ? [] : ['whole: every record is what was signed, in its place']),
    ...(isWitnessed || findings.length > 0
      ? []
      : ['whether records were cut off at the end only a witness can say: --expect-head REPLICA:POSITION:HASH']),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

async function exportEvidence(terminal: Terminal, options: ExportOptions): Promise<void> {
  const { state, out, tenant, kind, postgres, replica } = options;
  const { sinceMs, untilMs } = filterOf(options, terminal.nowMs());
  const output = createWriteStream(out, { flags: 'wx', mode: 0o600 });
  await once(output, 'open');
  const filter = {
    ...(tenant === undefined ? {} : { tenant }),
    ...(kind.length === 0 ? {} : { kinds: kind }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
  const { told, withheld } =
    postgres === undefined
      ? await exportTo(output, join(resolve(state), evidenceFolder, storeFile), filter)
      : await exportPostgres(output, await connectionIn(postgres), replica, filter);
  await new Promise<void>((done, failed) => output.end((error?: Error | null) => (error ? failed(error) : done())));
  terminal.out(`${plural(told, 'event')} told and ${withheld} withheld, in ${out}\n`);
  terminal.err(`verify it anywhere: coffre evidence verify ${out} --key PUBLIC_KEY_FILE\n`);
}

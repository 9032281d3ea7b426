/** `coffre evidence`: the chain itself. Where it ends, whether it is whole, a copy that proves itself, and whom it forgets. */
import type { Command } from 'commander';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

interface HeadOptions extends DoorOptions {
  readonly publicKey?: true;
  readonly output: OutputFormat;
}

interface ForgetOptions extends DoorOptions {
  readonly confirm?: string;
}

export function addEvidenceCommand(program: Command, terminal: Terminal): void {
  const evidence = program.command('evidence').description('the chain of events: its end, its wholeness, copies of it');
  withDoorOptions(evidence.command('head'))
    .description('where the chain ends now; written down elsewhere it proves that nothing was cut off later')
    .option('--public-key', 'print the key that signs it, as PEM, and nothing else')
    .option('-o, --output <format>', '`text` or `json`', 'text')
    .action((options: HeadOptions) => head(terminal, options));
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
  else terminal.out(`${newest.replica}:${newest.position}:${newest.hash}\n`);
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

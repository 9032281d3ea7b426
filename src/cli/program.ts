/** Every command, joined. What fails is told in one place: what, why it matters, what to do next, and an exit code. */
import { Command, CommanderError } from 'commander';
import { stateTrouble } from '../admin/state-trouble.ts';
import { addAdminCommand } from './admin-command.ts';
import { addBackupCommands } from './backup-command.ts';
import { addCheckCommand } from './check-command.ts';
import { CliFailure } from './cli-failure.ts';
import { addConfirmLossCommand } from './confirm-command.ts';
import { addDrillCommand } from './drill-command.ts';
import { exitCode, exitCodeHelp } from './exit-code.ts';
import { addExplainCommand } from './explain-command.ts';
import { addProxyCommand } from './proxy-command.ts';
import { addRotateCommand } from './rotate-command.ts';
import { addStatusCommand } from './status-command.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { addUpCommand } from './up-command.ts';

/** @param args without the interpreter and the script. Never rejects for what a person did. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<void> {
  try {
    await programFor(terminal).parseAsync([...args], { from: 'user' });
  } catch (error) {
    tell(error, terminal);
  }
}

function programFor(terminal: Terminal): Command {
  const program = new Command('coffre')
    .description('a zero-trust control plane for Envoy: one vault per tenant, no plaintext, every refusal explained')
    // Commands inherit these two, so they come before any command is added.
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  for (const add of [
    addUpCommand,
    addStatusCommand,
    addCheckCommand,
    addExplainCommand,
    addProxyCommand,
    addRotateCommand,
    addConfirmLossCommand,
    addDrillCommand,
    addAdminCommand,
    addBackupCommands,
  ]) {
    add(program, terminal);
  }
  return program.showHelpAfterError('(see --help)').addHelpText('afterAll', exitCodeHelp);
}

function tell(error: unknown, terminal: Terminal): void {
  if (error instanceof CommanderError) {
    // It has said why already; asking for help is no error.
    if (error.exitCode !== 0) terminal.setExitCode(exitCode.misuse);
    return;
  }
  if (error instanceof CliFailure) {
    terminal.err(`${printable(`coffre: ${error.message}; ${error.advice}`)}\n`);
    terminal.setExitCode(error.exitCode);
    return;
  }
  const trouble = stateTrouble(error) ?? systemTrouble(error);
  if (trouble === undefined) throw error; // ours: its stack is wanted
  terminal.err(`${printable(`coffre: ${trouble}`)}\n`);
  terminal.setExitCode(exitCode.misuse);
}

/** A file that is not there, or not ours to read: the system's sentence names it. */
function systemTrouble(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error
    ? `${error.message}; check the path and who may use it`
    : undefined;
}

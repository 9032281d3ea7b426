/**
 * Every command, joined. What fails is told in one place: what, why it matters, what to do next, and an exit code.
 *
 * Only what was asked for is loaded: all of it is a second of a small machine's time, and `drill halt` has none to lose.
 */
import { Command, CommanderError } from 'commander';
import { stateTrouble } from '../admin/state-trouble.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode, exitCodeHelp } from './exit-code.ts';
import { programVersion } from './program-version.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

type AddCommand = (program: Command, terminal: Terminal) => void;

const backup = async (): Promise<AddCommand> => (await import('./backup-command.ts')).addBackupCommands;

/** In the order of the help. */
const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['up', async () => (await import('./up-command.ts')).addUpCommand],
  ['status', async () => (await import('./status-command.ts')).addStatusCommand],
  ['check', async () => (await import('./check-command.ts')).addCheckCommand],
  ['analyze', async () => (await import('./analyze-command.ts')).addAnalyzeCommand],
  ['policy', async () => (await import('./policy-command.ts')).addPolicyCommands],
  ['explain', async () => (await import('./explain-command.ts')).addExplainCommand],
  ['grant', async () => (await import('./grant-command.ts')).addGrantCommand],
  ['reach', async () => (await import('./reach-command.ts')).addReachCommand],
  ['prove', async () => (await import('./prove-command.ts')).addProveCommand],
  ['diff', async () => (await import('./diff-command.ts')).addDiffCommand],
  ['simulate', async () => (await import('./simulate-command.ts')).addSimulateCommand],
  ['events', async () => (await import('./events-command.ts')).addEventsCommand],
  ['tap', async () => (await import('./events-command.ts')).addTapCommand],
  ['top', async () => (await import('./top-command.ts')).addTopCommand],
  ['evidence', async () => (await import('./evidence-command.ts')).addEvidenceCommand],
  ['install', async () => (await import('./install-command.ts')).addInstallCommand],
  ['uninstall', async () => (await import('./uninstall-command.ts')).addUninstallCommand],
  ['chart', async () => (await import('./chart-command.ts')).addChartCommand],
  ['inject', async () => (await import('./inject-command.ts')).addInjectCommand],
  ['proxy', async () => (await import('./proxy-command.ts')).addProxyCommand],
  ['rotate', async () => (await import('./rotate-command.ts')).addRotateCommand],
  ['confirm-loss', async () => (await import('./confirm-command.ts')).addConfirmLossCommand],
  ['quarantine', async () => (await import('./quarantine-command.ts')).addQuarantineCommand],
  ['drill', async () => (await import('./drill-command.ts')).addDrillCommand],
  ['admin', async () => (await import('./admin-command.ts')).addAdminCommand],
  ['backup', backup],
  ['restore', backup],
]);

/** @param args without the interpreter and the script. Never rejects for what a person did. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<void> {
  try {
    await (await programFor(args, terminal)).parseAsync([...args], { from: 'user' });
  } catch (error) {
    tell(error, terminal);
  }
}

async function programFor([asked = '']: readonly string[], terminal: Terminal): Promise<Command> {
  const program = new Command('coffre')
    .description('a zero-trust control plane for Envoy: one vault per tenant, no plaintext, every refusal explained')
    // Commands inherit these two, so they come before any command is added.
    .exitOverride()
    .version(programVersion, '-V, --version', 'print the version')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  const one = commands.get(asked);
  const loads = one === undefined ? new Set(commands.values()) : [one];
  for (const load of loads) (await load())(program, terminal);
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

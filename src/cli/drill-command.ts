/**
 * `coffre drill`: a fault on purpose, from its YAML to its report.
 *
 *   validate ─▶ plan ─▶ approve (a second person, above a radius) ─▶ start ─▶ watch ─▶ report
 *                                                                     halt, at any time
 *
 * `start` begins what was seen: a plan named by its hash, or one that it shows and asks about first.
 */
import type { Command } from 'commander';
import type { DrillView, PlanView } from '../chaos/drill-engine.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { addDrillReportCommands } from './drill-report.ts';
import { clockText, drillExitCode, listText, planText } from './drill-text.ts';
import type { ValidateOptions } from './drill-validate.ts';
import { watchDrill } from './drill-watch.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

type Asking = DoorOptions & { readonly output: OutputFormat };

interface StartOptions extends Asking {
  readonly plan?: string;
  readonly yes?: true;
  readonly wait?: true;
}

interface HaltOptions extends Asking {
  readonly all?: true;
  readonly reason: string;
}

export function addDrillCommand(program: Command, terminal: Terminal): void {
  const drill = program.command('drill').description('a fault on purpose, that stops by itself');
  withOutput(drill.command('validate'))
    .description('read drills and consents from files and folders, and plan them where a Mesh is among them')
    .argument('<path...>', 'files and folders; a later one replaces what an earlier one says')
    .option('--at <moment>', 'judge windows and ends at this moment instead of now, such as `2027-01-31T18:00:00Z`')
    .action(async (paths: readonly string[], options: ValidateOptions) => {
      // The only one that reads a mesh by itself: the others ask a control plane, and need not load what does.
      const { validateDrills } = await import('./drill-validate.ts');
      await validateDrills(terminal, paths, options);
    });
  asking(drill.command('plan'))
    .description('show each proxy and key that the drill would touch, and touch nothing')
    .argument('<name>', 'the drill, as `tenant/name`')
    .action((name: string, options: Asking) => plan(terminal, name, options));
  asking(drill.command('approve'))
    .description('approve a plan, as a second person')
    .argument('<name>', 'the drill, as `tenant/name`')
    .requiredOption('--plan <hash>', 'the plan that you have read')
    .action(async (name: string, options: Asking & { plan: string }) => {
      const view = await askDoor(options, 'drillApprove', { drill: name, planHash: options.plan });
      tell(terminal, options, view, `start it with \`coffre drill start ${name} --plan ${options.plan}\``);
    });
  asking(drill.command('start'))
    .description('start a plan; without --plan, make one, show it and ask')
    .argument('<name>', 'the drill, as `tenant/name`')
    .option('--plan <hash>', 'the plan that you have read; no other is started')
    .option('--yes', 'start without being asked')
    .option('--wait', 'watch it to its end, and exit 80 or 81 by it')
    .action((name: string, options: StartOptions) => start(terminal, name, options));
  asking(drill.command('watch'))
    .description('follow a drill to its end: probes, proxies, overflows, time to the deadline')
    .argument('<name>', 'the drill, as `tenant/name`')
    .action((name: string, options: Asking) => watch(terminal, name, options));
  asking(drill.command('halt'))
    .description('end a drill now, or pull the lever: end all of them and let none begin')
    .argument('[name]', 'the drill, as `tenant/name`')
    .option('--all', 'every drill that you may see')
    .option('--reason <text>', 'why, for the report', 'halted from the command line')
    .action((name: string | undefined, options: HaltOptions) => halt(terminal, name, options));
  asking(drill.command('release'))
    .description('let drills begin again after `halt --all`')
    .action(async (options: Asking) => {
      const released = await askDoor(options, 'drillRelease', {});
      if (options.output === 'json') return writeJson(terminal, released);
      terminal.out('drills may begin again; none of those that were ended does so by itself\n');
    });
  asking(drill.command('list'))
    .description('drills that run, that ran, and that were never started')
    .action(async (options: Asking) => {
      const views = await askDoor(options, 'drills', {});
      if (options.output === 'json') writeJson(terminal, views);
      else terminal.out(listText(views));
    });
  addDrillReportCommands(drill, terminal);
}

function asking(command: Command): Command {
  return withOutput(withDoorOptions(command));
}

function withOutput(command: Command): Command {
  return command.addOption(outputOption());
}

async function plan(terminal: Terminal, drill: string, options: Asking): Promise<void> {
  const planned = await askDoor(options, 'drillPlan', { drill });
  if (options.output === 'json') return writeJson(terminal, planned);
  terminal.out(planText(planned));
  terminal.out(`\nplan ${printable(planned.hash)}\n${nextStep(planned)}\n`);
}

function nextStep({ drill, hash, needsSecondPerson }: PlanView): string {
  const [approve, begin] = ['approve', 'start'].map((verb) => `coffre drill ${verb} ${drill} --plan ${hash}`);
  return needsSecondPerson ? `let somebody else: ${approve}\nand then:          ${begin}` : `next: ${begin}`;
}

async function start(terminal: Terminal, drill: string, options: StartOptions): Promise<void> {
  const planHash = options.plan ?? (await confirmedPlan(terminal, drill, options));
  if (planHash === undefined) {
    terminal.err('nothing was started\n');
    terminal.setExitCode(exitCode.no);
    return;
  }
  const view = await askDoor(options, 'drillStart', { drill, planHash });
  if (options.wait === true) return watch(terminal, drill, options);
  tell(terminal, options, view, `follow it with \`coffre drill watch ${drill}\``);
}

/** @returns undefined where the person says no. @throws CliFailure where nobody could say yes. */
async function confirmedPlan(terminal: Terminal, drill: string, options: StartOptions): Promise<string | undefined> {
  if (options.yes !== true && terminal.person === undefined) {
    throw new CliFailure(
      exitCode.misuse,
      'nobody is there to read the plan and agree to it',
      `start one that was read, \`--plan HASH\` from \`coffre drill plan ${drill}\`, or give \`--yes\``,
    );
  }
  const planned = await askDoor(options, 'drillPlan', { drill });
  terminal.err(planText(planned));
  if (planned.needsSecondPerson) {
    throw new CliFailure(
      exitCode.no,
      'this radius needs a second person',
      `let them \`coffre drill approve ${drill} --plan ${planned.hash}\`, then start it with that \`--plan\``,
    );
  }
  const answer = options.yes === true ? 'yes' : await terminal.person?.ask('start it? `yes` to go on: ');
  return answer?.trim() === 'yes' ? planned.hash : undefined;
}

async function watch(terminal: Terminal, drill: string, options: Asking): Promise<void> {
  const record = await watchDrill(terminal, options, drill);
  terminal.setExitCode(record === undefined ? exitCode.no : drillExitCode(record));
  if (record !== undefined && options.output === 'text') {
    terminal.out(`${printable(`see \`coffre drill report ${record.drill}\``)}\n`);
  }
}

async function halt(terminal: Terminal, name: string | undefined, options: HaltOptions): Promise<void> {
  const { all, reason, output } = options;
  if ((name === undefined) === (all !== true)) {
    throw new CliFailure(exitCode.misuse, 'it is not said what is to end', 'name one drill, or give `--all`');
  }
  const views =
    name === undefined
      ? await askDoor(options, 'drillHaltAll', { reason })
      : [await askDoor(options, 'drillHalt', { drill: name, reason })];
  if (output === 'json') return writeJson(terminal, views);
  for (const view of views) terminal.out(viewLine(terminal, view));
  if (views.length === 0) terminal.out('no drill was running\n');
  if (all === true) terminal.out('where that was the whole mesh, drills begin again after `coffre drill release`\n');
}

function tell(terminal: Terminal, { output }: Asking, view: DrillView, next: string): void {
  if (output === 'json') writeJson(terminal, view);
  else terminal.out(`${viewLine(terminal, view)}${printable(next)}\n`);
}

function viewLine(terminal: Terminal, view: DrillView): string {
  return `${printable(`${view.drill}: ${clockText(view, terminal.nowMs())}`)}\n`;
}

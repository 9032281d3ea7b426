/**
 * `coffre quarantine WORKLOAD --reason TEXT [--for 24h | --until TIME]`: cuts one identity off every peer, at once.
 * `coffre quarantine WORKLOAD --release` lets it back, and `coffre quarantine --list` shows who is cut off.
 */
import { type Command, Option } from 'commander';
import type { Begun } from '../admin/quarantine.ts';
import { parseDurationMs } from '../model/duration.ts';
import { type Quarantine, quarantineDefaultMs, quarantineMaxMs } from '../model/quarantine.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { printable, table } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

interface QuarantineOptions extends DoorOptions {
  readonly reason?: string;
  readonly for?: string;
  readonly until?: string;
  readonly release?: true;
  readonly list?: true;
  readonly output: OutputFormat;
}

const defaultHours = quarantineDefaultMs / 3_600_000;
const longestDays = quarantineMaxMs / 86_400_000;

export function addQuarantineCommand(program: Command, terminal: Terminal): void {
  withDoorOptions(program.command('quarantine'))
    .description('cut one identity off every peer, let it back, or list who is cut off')
    .argument('[workload]', 'pod or service account as `tenant/name`, or a SPIFFE ID')
    .option('--reason <text>', 'why, in one line; callers of the same tenant are told')
    .addOption(
      new Option(
        '--for <duration>',
        `how long, in minutes or hours, such as \`90m\`; ${defaultHours}h where it is not said, ${longestDays * 24}h at most`,
      ).conflicts('until'),
    )
    .option('--until <time>', 'its end, in RFC 3339')
    .addOption(new Option('--release', 'let it back').conflicts(['reason', 'for', 'until', 'list']))
    .addOption(new Option('--list', 'who is cut off, why, and until when').conflicts(['reason', 'for', 'until']))
    .addOption(outputOption())
    .action((workload: string | undefined, options: QuarantineOptions) => run(terminal, workload, options));
}

async function run(terminal: Terminal, workload: string | undefined, options: QuarantineOptions): Promise<void> {
  const say = (value: unknown, text: string) =>
    options.output === 'json' ? writeJson(terminal, value) : terminal.out(text);
  if (options.list === true) {
    const standing = await askDoor(options, 'quarantines', {});
    return say(standing, listText(standing));
  }
  if (workload === undefined) throw misuse('no workload is named', 'name one as `tenant/name`, or ask for `--list`');
  if (options.release === true) {
    const answer = await askDoor(options, 'quarantineRelease', { workload });
    return say(answer, `${printable(answer.released.spiffeId)} is released\n`);
  }
  const { reason } = options;
  if (reason === undefined) throw misuse('no reason is given', 'say in one line why: `--reason TEXT`');
  const untilMs = endOf(options, terminal.nowMs());
  const request = { workload, reason, ...(untilMs === undefined ? {} : { untilMs }) };
  const begun = await askDoor(options, 'quarantine', request);
  say(begun, begunText(begun));
}

/** @throws CliFailure @returns epoch ms; undefined where nothing is said. */
function endOf(options: QuarantineOptions, nowMs: number): number | undefined {
  if (options.until !== undefined) {
    const endMs = Date.parse(options.until);
    if (Number.isNaN(endMs))
      throw misuse(`\`${options.until}\` is no moment`, 'write one such as `2027-01-31T18:00:00Z`');
    return endMs;
  }
  if (options.for === undefined) return undefined;
  const lifeMs = parseDurationMs(options.for);
  if (lifeMs === undefined)
    throw misuse(`\`${options.for}\` is no duration`, 'write minutes or hours, such as `90m` or `720h`');
  return nowMs + lifeMs;
}

function begunText({ quarantine, unwritten }: Begun): string {
  if (quarantine === undefined) return 'nothing changed\n';
  const { spiffeId, untilMs } = quarantine;
  const warning = 'it could not be written: a restart of the control plane would forget it; see its log\n';
  return `${printable(spiffeId)} is cut off every peer until ${new Date(untilMs).toISOString()}\n${unwritten ? warning : ''}`;
}

function listText(standing: readonly Quarantine[]): string {
  if (standing.length === 0) return 'nobody is under quarantine\n';
  const rows = standing.map(({ spiffeId, sinceMs, untilMs, by, reason }) => [
    printable(spiffeId),
    new Date(sinceMs).toISOString(),
    new Date(untilMs).toISOString(),
    printable(by),
    printable(reason),
  ]);
  return table(['IDENTITY', 'SINCE', 'UNTIL', 'BY', 'REASON'], rows);
}

function misuse(message: string, advice: string): CliFailure {
  return new CliFailure(exitCode.misuse, message, advice);
}

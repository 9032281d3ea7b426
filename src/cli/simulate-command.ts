/**
 * `coffre simulate`: what a change of policy would have done to the traffic that the evidence holds.
 *
 *   --dir, the mesh as it is ─────┬──compile──▶ verdict now ─────────────┐
 *   --change, laid over it ───────┴──compile──▶ verdict with the change ─┴─▶ what flips, what may, what is not known
 *   evidence ──▶ recorded calls, put to both
 */
import { type Command, InvalidArgumentError } from 'commander';
import { verifyFile } from '../evidence/chain/verify.io.ts';
import type { EvidenceEvent } from '../evidence/event.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { parseDurationMs } from '../model/duration.ts';
import { Replay } from '../proof/replay.ts';
import { ReplayTally } from '../proof/replay-tally.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { filterOf, type SpanOptions, withSpan } from './event-filters.ts';
import { countOf } from './events-command.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { overlayMesh } from './overlay-mesh.ts';
import { publicKeyIn } from './public-key-file.ts';
import { readMesh } from './read-mesh.ts';
import { isReplayed, type NotReplayed, readRecordedCall } from './recorded-call.ts';
import { eventsOfDoor, eventsOfExport, type TimeSpan } from './recorded-events.ts';
import { SeenTally } from './seen-share.ts';
import { type Simulation, simulationText } from './simulation-text.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

/** Records after which a word of progress is due. */
const progressEvery = 10_000;
/** Most records that one run looks at, unless told otherwise. */
const recordsDefault = 1_000_000;

const failures = ['denied', 'unknown', 'drift'] as const;
type Failure = (typeof failures)[number];

interface SimulateOptions extends DoorOptions, SpanOptions {
  readonly change: string;
  readonly dir: string;
  readonly against?: string;
  readonly events?: string;
  readonly key?: string;
  readonly failOn: readonly Failure[];
  readonly max: string;
  readonly output: OutputFormat;
}

export function addSimulateCommand(program: Command, terminal: Terminal): void {
  withSpan(withDoorOptions(program.command('simulate')))
    .description(
      'put recorded traffic to the mesh with a change, and tell which verdicts flip; exit 79 where a tenant would be let in',
    )
    .requiredOption('-f, --change <path>', 'a file of objects, laid over the mesh, or a folder that replaces it')
    .option('--dir <dir>', 'the folder of YAML that is in force', '.')
    .option('--against <duration>', 'the traffic of the last `24h`; the same as --since')
    .option('--events <file>', 'take the traffic from this export of `coffre evidence export`, and ask nobody')
    .option('--key <file>', 'with --events: the public key by which to verify it first')
    .option(
      '--fail-on <what>',
      '`denied`: exit 1 where something is newly denied; `unknown`: exit 78 where a verdict may flip, or nothing was replayed; `drift`: exit 1 where a record says otherwise than the mesh now; repeatable',
      collectFailure,
      [],
    )
    .option('--max <n>', 'most records to look at, the oldest first', String(recordsDefault))
    .addOption(outputOption())
    .addHelpText('after', help)
    .action((options: SimulateOptions) => simulate(terminal, options));
}

const help = `
Refusals are all recorded, of what was allowed a sample: a run says how large it was.
A record holds no header, no query and no token. Where a rule asks for one, the verdict is unknown, and is told as such.
Exit 79 comes before 78, and 78 before 1. Without --fail-on, what is denied, unknown or drifted is told, and exits 0.`;

function collectFailure(word: string, before: readonly Failure[]): readonly Failure[] {
  const failure = failures.find((each) => each === word);
  if (failure === undefined) throw new InvalidArgumentError(`write one of ${failures.join(', ')}`);
  return [...before, failure];
}

async function simulate(terminal: Terminal, options: SimulateOptions): Promise<void> {
  const nowMs = terminal.nowMs();
  const span = spanOf(options, nowMs);
  const max = countOf('--max', options.max, Number.MAX_SAFE_INTEGER);
  const base = await readMesh(terminal, options.dir);
  if (base.snapshot.tenants.size === 0) {
    const message = `\`${options.dir}\` holds no tenant, so nothing is judged there`;
    throw new CliFailure(exitCode.misuse, message, 'name the folder that is in force: `--dir DIR`');
  }
  const changed = await overlayMesh(terminal, base, options.change);
  const source = await sourceOf(terminal, options, span, base.snapshot.revision);
  const tally = new ReplayTally(new Replay(buildSnapshot(base.objects), nowMs), new Replay(changed, nowMs));
  const simulation = await replay(terminal, source, { tally, span, max });
  const { report } = simulation;
  terminal.setExitCode(exitOf(report, options.failOn));
  if (options.output === 'json') return writeJson(terminal, simulation);
  terminal.out(simulationText(simulation));
}

interface Run {
  readonly tally: ReplayTally;
  readonly span: TimeSpan;
  readonly max: number;
}

async function replay(
  terminal: Terminal,
  source: AsyncIterable<readonly EvidenceEvent[]>,
  { tally, span, max }: Run,
): Promise<Simulation> {
  const seen = new SeenTally(span);
  const notReplayed: Record<NotReplayed, number> = { 'nobody-proved': 0, form: 0, undeclared: 0 };
  let records = 0;
  let isCut = false;
  reading: for await (const events of source) {
    for (const event of events) {
      if (event.kind === 'loss' || event.kind === 'store') seen.missing(event);
      if (!isReplayed(event)) continue;
      if (records === max || terminal.signal.aborted) {
        isCut = true;
        break reading;
      }
      records += 1;
      if (records % progressEvery === 0) terminal.err(`${records} records looked at\n`);
      if (event.kind === 'request') seen.sampled(event.standsFor);
      const read = readRecordedCall(event);
      if (read.kind === 'call') tally.add(read.call);
      else notReplayed[read.why] += 1;
    }
  }
  return { span, records, isCut, notReplayed, seen: seen.share(), report: tally.report() };
}

async function sourceOf(terminal: Terminal, options: SimulateOptions, span: TimeSpan, revision: string) {
  const { events, key, dir } = options;
  if (events === undefined) {
    const status = await askDoor(options, 'status', {});
    if (status.revision !== revision) {
      terminal.err(
        `\`${dir}\` is not what is in force (revision ${revision}, in force ${status.revision}): flips are told against the folder\n`,
      );
    }
    return eventsOfDoor(terminal, options, span);
  }
  if (key === undefined) {
    terminal.err(`\`${events}\` is taken at its word: \`--key FILE\` verifies it first\n`);
    return eventsOfExport(events, span);
  }
  const { findings } = await verifyFile(events, { publicKeyPem: await publicKeyIn(key) });
  if (findings.length === 0) return eventsOfExport(events, span);
  const advice = 'see `coffre evidence verify`, and take another copy';
  throw new CliFailure(exitCode.misuse, `\`${events}\` is not what was signed`, advice);
}

function spanOf({ against, since, until }: SimulateOptions, nowMs: number): TimeSpan {
  if ((against === undefined) === (since === undefined)) {
    const message = 'it is not said, or said twice, which traffic to look at';
    throw new CliFailure(exitCode.misuse, message, 'give `--against 24h`, or `--since` and perhaps `--until`');
  }
  if (against !== undefined && parseDurationMs(against) === undefined) {
    throw new CliFailure(exitCode.misuse, `\`${against}\` is no duration`, 'write `15m` or `24h`');
  }
  const begin = against ?? since ?? '';
  const moments = filterOf({ since: begin, ...(until === undefined ? {} : { until }) }, nowMs);
  return { sinceMs: moments.sinceMs ?? 0, untilMs: moments.untilMs ?? nowMs };
}

function exitOf({ changes, opened, drifted, judged }: Simulation['report'], failOn: readonly Failure[]) {
  if (opened > 0) return exitCode.opened;
  const mayFlip = changes['may-be-allowed'] + changes['may-be-denied'] + changes['may-be-either'];
  const isBlind = judged.allowed + judged.refused === 0;
  if (failOn.includes('unknown') && (mayFlip > 0 || isBlind)) return exitCode.unknown;
  const isDenied = failOn.includes('denied') && changes['newly-denied'] > 0;
  const isDrifted = failOn.includes('drift') && drifted > 0;
  return isDenied || isDrifted ? exitCode.no : exitCode.ok;
}

/**
 * `coffre events`: what happened. `coffre tap`: what callers do and what is refused, as it comes.
 */
import type { Command } from 'commander';
import type { EventKind } from '../evidence/event.ts';
import { eventsPerAnswerMax, type StoredEvent } from '../evidence/store.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { type FilterOptions, filterOf, type SpanOptions, withFilters, withSpan } from './event-filters.ts';
import { eventTable, followedLine } from './event-text.ts';
import { exitCode } from './exit-code.ts';
import { followEvents } from './follow-events.ts';
import { outputOption } from './output-option.ts';
import type { OutputFormat, Terminal } from './terminal.ts';

interface EventsOptions extends DoorOptions, FilterOptions, SpanOptions {
  readonly limit: string;
  readonly follow?: true;
  readonly output: OutputFormat;
}

interface TapOptions extends DoorOptions, FilterOptions {
  readonly max?: string;
  readonly output: OutputFormat;
}

/** What a tap shows unless told otherwise: what callers did, and what became of it. */
const tapKinds: readonly EventKind[] = [
  'request',
  'denial',
  'plaintext-attempt',
  'handshake-failure',
  'undeclared-port',
  'breaker-overflow',
];

export function addEventsCommand(program: Command, terminal: Terminal): void {
  withSpan(withFilters(withDoorOptions(program.command('events'))))
    .description('what happened: denials, attempts, pushes, drills, people; newest last')
    .argument('[id]', 'of an event, a decision (`x-coffre-decision`) or a trace')
    .option('--limit <n>', `most events, up to ${eventsPerAnswerMax}`, '50')
    .option('--follow', 'stay, and show new ones as they come')
    .addOption(outputOption('how it is printed; `json` is one event a line'))
    .action((id: string | undefined, options: EventsOptions) => events(terminal, id, options));
}

export function addTapCommand(program: Command, terminal: Terminal): void {
  withFilters(withDoorOptions(program.command('tap')))
    .description('requests and refusals as they come; of healthy requests, the sample that the mesh takes')
    .argument('[identity]', 'workload, or `namespace/serviceAccount`, at either end')
    .option('--max <n>', 'end after so many')
    .addOption(outputOption('how it is printed; `json` is one event a line'))
    .action((identity: string | undefined, options: TapOptions) => tap(terminal, identity, options));
}

async function events(terminal: Terminal, id: string | undefined, options: EventsOptions): Promise<void> {
  const limit = countOf('--limit', options.limit, eventsPerAnswerMax);
  const filter = { ...filterOf(options, terminal.nowMs()), ...(id === undefined ? {} : { id }) };
  const { events: found, more, silent } = await askDoor(options, 'events', { ...filter, limit });
  const oldestFirst = [...found].reverse();
  if (options.output === 'json') for (const stored of oldestFirst) jsonLine(terminal, stored);
  else if (found.length > 0) terminal.out(eventTable(oldestFirst));
  if (options.output === 'text') terminal.err(afterword(found, more));
  if (silent.length > 0) terminal.err(`not asked for lack of an answer: ${silent.join(', ')}\n`);
  if (id !== undefined && found.length === 0) terminal.setExitCode(exitCode.no);
  if (options.follow === true) await follow(terminal, options, filter, Number.POSITIVE_INFINITY);
}

async function tap(terminal: Terminal, identity: string | undefined, options: TapOptions): Promise<void> {
  const most = options.max === undefined ? Number.POSITIVE_INFINITY : countOf('--max', options.max, 1_000_000);
  const filter = filterOf(options, terminal.nowMs());
  const kinds = filter.kinds ?? [...tapKinds];
  await follow(terminal, options, { ...filter, kinds, ...(identity === undefined ? {} : { identity }) }, most);
}

async function follow(
  terminal: Terminal,
  options: DoorOptions & { readonly output: OutputFormat },
  filter: ReturnType<typeof filterOf>,
  most: number,
): Promise<void> {
  let shown = 0;
  await followEvents(terminal, options, filter, (found) => {
    for (const stored of found.slice(0, most - shown)) {
      if (options.output === 'json') jsonLine(terminal, stored);
      else terminal.out(`${followedLine(stored)}\n`);
    }
    shown += found.length;
    return shown < most;
  });
}

function jsonLine(terminal: Terminal, stored: StoredEvent): void {
  terminal.out(`${JSON.stringify(stored)}\n`);
}

function afterword(found: readonly StoredEvent[], more: boolean): string {
  if (found.length === 0)
    return 'no such event is kept; `--since` looks further back, `coffre tap` waits for new ones\n';
  const denied = found.findLast(({ event }) => event.kind === 'denial');
  const id = denied?.event.decision ?? denied?.event.id;
  const why = id === undefined ? '' : `why was it denied? coffre explain ${id}\n`;
  return `${more ? `older ones were left out: --limit ${eventsPerAnswerMax}, or --until\n` : ''}${why}`;
}

/** @throws CliFailure */
export function countOf(flag: string, text: string, most: number): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= most) return count;
  throw new CliFailure(exitCode.misuse, `\`${text}\` is no number for \`${flag}\``, `write one from 1 to ${most}`);
}

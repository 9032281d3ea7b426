/** `coffre top`: who calls whom, how much of it was refused, and why; drawn anew for a person, once for a script. */
import type { Command } from 'commander';
import type { EventKind } from '../evidence/event.ts';
import { eventsPerAnswerMax } from '../evidence/store.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { type Filter, type FilterOptions, filterOf, withFilters } from './event-filters.ts';
import { countOf } from './events-command.ts';
import { followEvents } from './follow-events.ts';
import { outputOption } from './output-option.ts';
import { table } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';
import { type TopRow, TopTable } from './top-table.ts';

interface TopOptions extends DoorOptions, FilterOptions {
  readonly since: string;
  readonly rows: string;
  readonly once?: true;
  readonly output: OutputFormat;
}

const kinds: readonly EventKind[] = [
  'request',
  'denial',
  'plaintext-attempt',
  'handshake-failure',
  'undeclared-port',
  'breaker-overflow',
];
/** Answers that the past is read in: two hundred thousand events, and a screen holds thirty rows. */
const answersMax = 200;

export function addTopCommand(program: Command, terminal: Terminal): void {
  withFilters(withDoorOptions(program.command('top')))
    .description('who calls whom, and what was refused; allowed requests are estimated from the sample')
    .option('--since <moment>', 'from when on', '15m')
    .option('--rows <n>', 'most rows', '30')
    .option('--once', 'show it once, also to a person')
    .addOption(outputOption())
    .action((options: TopOptions) => top(terminal, options));
}

async function top(terminal: Terminal, options: TopOptions): Promise<void> {
  const most = countOf('--rows', options.rows, 2_000);
  const filter: Filter = { kinds: [...kinds], ...filterOf(options, terminal.nowMs()) };
  const counted = new TopTable();
  const isWhole = await countPast(options, filter, counted);
  const rows = counted.rows().slice(0, most);
  if (options.output === 'json') return writeJson(terminal, rows);
  const { person } = terminal;
  if (!isWhole) terminal.err('there was more than could be counted; a shorter `--since` is whole\n');
  if (person === undefined || options.once === true) return terminal.out(topText(rows));
  let drawn = 0;
  const draw = () => {
    const text = topText(counted.rows().slice(0, most));
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(0, Math.max(1, person.columns() - 1)));
    terminal.out(`${drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  draw();
  await followEvents(terminal, options, filter, (events) => {
    for (const { event } of events) counted.add(event);
    draw();
    return true;
  });
}

/** @returns false where there was more than is read. */
async function countPast(options: DoorOptions, filter: Filter, counted: TopTable): Promise<boolean> {
  let until: Filter = filter;
  const seen = new Set<string>();
  for (let answers = 0; answers < answersMax; answers += 1) {
    const { events, more } = await askDoor(options, 'events', { ...until, limit: eventsPerAnswerMax });
    const fresh = events.filter(({ replica, position }) => !seen.has(positionOf(replica, position)));
    for (const { replica, position, event } of fresh) {
      seen.add(positionOf(replica, position));
      counted.add(event);
    }
    const oldest = events.at(-1);
    if (!more || oldest === undefined || fresh.length === 0) return !more;
    // Inclusive: two events of one ms must not hide one another.
    until = { ...filter, untilMs: oldest.event.atMs + 1 };
  }
  return false;
}

function positionOf(replica: string, position: number): string {
  return `${replica} ${position}`;
}

function topText(rows: readonly TopRow[]): string {
  if (rows.length === 0) return 'nothing was seen; of healthy requests only a sample is\n';
  const head = ['From', 'To', 'Allowed', 'Denied', 'Attempts', 'Overflows', 'Last', 'Why'];
  return table(
    head,
    rows.map(({ from, to, allowed, denied, attempts, overflows, lastMs, why }) => [
      from,
      to,
      allowed === 0 ? '' : `~${Math.round(allowed)}`,
      ...[denied, attempts, overflows].map((count) => (count === 0 ? '' : String(count))),
      new Date(lastMs).toISOString().slice(11, 19),
      why,
    ]),
  );
}

/**
 * Recorded traffic of a span of time, oldest first: out of the evidence of a running control plane, or of an export.
 *
 *   door    end of each chain now ──▶ from the beginning, a thousand at a time, behind a cursor ──▶ events
 *   export  line by line, nothing kept                                                          ──▶ events
 *
 * Beside the traffic comes what is missing of it: losses, and bodies that retention took, be it after the span.
 */
import { headerOf, partOf } from '../evidence/chain/export-line.ts';
import { linesOf } from '../evidence/chain/verify.io.ts';
import type { EvidenceEvent } from '../evidence/event.ts';
import { type Cursor, eventsPerAnswerMax } from '../evidence/store.ts';
import { CliFailure } from './cli-failure.ts';
import { askDoor, type DoorOptions } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { replayedKinds } from './recorded-call.ts';
import type { Terminal } from './terminal.ts';

export interface TimeSpan {
  /** Epoch ms, inclusive. */
  readonly sinceMs: number;
  /** Epoch ms, exclusive. */
  readonly untilMs: number;
}

const kinds = [...replayedKinds, 'loss', 'store'] as const;

/** @throws CliFailure where nobody answers. */
export async function* eventsOfDoor(
  terminal: Terminal,
  options: DoorOptions,
  { sinceMs, untilMs }: TimeSpan,
): AsyncGenerator<readonly EvidenceEvent[]> {
  const filter = { kinds: kinds.filter((kind) => kind !== 'store'), sinceMs, untilMs };
  const pruned = await askDoor(options, 'events', { kinds: ['store'], sinceMs, limit: eventsPerAnswerMax });
  yield pruned.events.map(({ event }) => event);
  const newest = await askDoor(options, 'events', { ...filter, limit: 1 });
  if (newest.silent.length > 0) terminal.err(`not asked for lack of an answer: ${newest.silent.join(', ')}\n`);
  // A replica that is not named would be followed from its end.
  let after: Cursor = Object.fromEntries(Object.keys(newest.cursor).map((replica) => [replica, 0]));
  for (let more = true; more && !terminal.signal.aborted; ) {
    const answer = await askDoor(options, 'events', { ...filter, after: { ...after }, limit: eventsPerAnswerMax });
    yield answer.events.map(({ event }) => event);
    ({ cursor: after, more } = answer);
  }
}

/** @param file as `coffre evidence export` writes it. @throws CliFailure where it is none. */
export async function* eventsOfExport(
  file: string,
  { sinceMs, untilMs }: TimeSpan,
): AsyncGenerator<readonly EvidenceEvent[]> {
  let replica: string | undefined;
  let number = 0;
  for await (const line of linesOf(file)) {
    number += 1;
    try {
      if (replica === undefined) {
        ({ replica } = headerOf(line));
        continue;
      }
      const event = eventOf(line, replica);
      if (event === undefined || event.atMs < sinceMs) continue;
      if (event.atMs < untilMs || event.kind === 'store') yield [event];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `line ${number} of \`${file}\` is none of an export: ${why}`;
      throw new CliFailure(exitCode.misuse, message, 'write one with `coffre evidence export --out FILE`');
    }
  }
}

/** @returns undefined of a head, of what was withheld or pruned, and of other kinds. */
function eventOf(line: string, replica: string): EvidenceEvent | undefined {
  const part = partOf(line, replica);
  if (part.kind === 'head' || part.record.kind !== 'whole') return undefined;
  const { meta, body } = part.record;
  return kinds.some((kind) => kind === meta.kind) ? (JSON.parse(body) as EvidenceEvent) : undefined;
}

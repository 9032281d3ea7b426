/**
 * New events as they are kept, until the person wants no more.
 *
 *   cursor ──ask, wait──▶ events ──▶ told ──▶ cursor behind them ──▶ …
 *
 * A control plane that restarts is no reason to look away: what it kept meanwhile is told when it is back, and nothing
 * twice, as the cursor is ours.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsWaitMsMax } from '../admin/evidence-requests.ts';
import { type Cursor, eventsPerAnswerMax, type StoredEvent } from '../evidence/store.ts';
import { answered, type DoorOptions, tryDoor } from './door-options.ts';
import type { Filter } from './event-filters.ts';
import type { Terminal } from './terminal.ts';

/** Between two questions of one who is answered at once, in ms: a busy mesh is shown in portions, and the door is not kept busy. */
const paceMs = 200;
/** Between two tries while the control plane does not answer, in ms. */
const retryMs = 500;
/** Longest silence of a control plane that has answered before, in ms. */
const silenceMs = 60_000;

/** @param tell returns false where it has seen enough. @throws CliFailure */
export async function followEvents(
  terminal: Terminal,
  options: DoorOptions,
  filter: Filter,
  tell: (events: readonly StoredEvent[]) => boolean,
): Promise<void> {
  // A cursor of no replica: each is followed from its end at this moment.
  let after: Cursor = {};
  let waitMs = 0;
  let heardMs: number | undefined;
  while (!terminal.signal.aborted) {
    const request = { ...filter, after: { ...after }, waitMs, limit: eventsPerAnswerMax };
    const asked = await tryDoor(options, 'events', request, terminal.signal);
    if (terminal.signal.aborted) return;
    if (asked.kind === 'unreachable' && heardMs !== undefined && terminal.nowMs() - heardMs < silenceMs) {
      await pause(retryMs, terminal.signal);
      continue;
    }
    const { events, cursor, more } = answered(options, asked);
    heardMs = terminal.nowMs();
    [after, waitMs] = [cursor, eventsWaitMsMax];
    if (events.length > 0 && !tell(events)) return;
    if (events.length > 0 && !more) await pause(paceMs, terminal.signal);
  }
}

/** Or until the person wants no more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => undefined);
}

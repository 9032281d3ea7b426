/** What the xDS server observes, as evidence; a timer runs only while something was counted and not told. */
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import { PushTally } from './push-tally.ts';

/** How long pushes and acceptances are counted together, in ms: longer than a change takes to every proxy, shorter than two by one person. */
export const tallyWindowMs = 1_000;

export interface XdsEvidence {
  heard(event: XdsEvent): void;
  /** Tells what was counted. To be called before the recorder is closed. */
  stop(): void;
}

export function recordXds({ clock, newId, record }: Teller): XdsEvidence {
  const tally = new PushTally(newId);
  let cancel: (() => void) | undefined;
  const tell = () => {
    cancel?.();
    cancel = undefined;
    for (const event of tally.tell()) record(event);
  };
  return {
    heard(event) {
      for (const told of tally.take(event, clock.nowMs())) record(told);
      if (!tally.isEmpty) cancel ??= clock.setTimer(tallyWindowMs, tell);
    },
    stop: tell,
  };
}

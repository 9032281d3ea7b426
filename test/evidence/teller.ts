/** Somebody to tell events to, who remembers them: ids from `n1`, and a clock that stands. */
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { Teller } from '../../src/evidence/recorder/recorder-ports.ts';
import { FakeClock } from './fake-clock.ts';

export interface ListeningTeller extends Teller {
  readonly clock: FakeClock;
  /** Everything that was told since it was asked last. */
  heard(): readonly EvidenceEvent[];
}

export function listeningTeller(): ListeningTeller {
  const events: EvidenceEvent[] = [];
  let ids = 0;
  return {
    clock: new FakeClock(),
    newId() {
      ids += 1;
      return `n${ids}`;
    },
    record: (event) => events.push(event),
    heard: () => events.splice(0),
  };
}

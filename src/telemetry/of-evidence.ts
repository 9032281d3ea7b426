/** What is recorded and what could not be, as numbers; and how the store stands. */
import { oneOf } from './instrument.ts';
import { certificateNews, eventKinds, instruments, lossPlaces } from './instruments.ts';
import type { Meters } from './meters.ts';

/** An event of the evidence, as far as it is looked at. */
export interface SeenEvent {
  readonly kind: string;
  /** Of a certificate. */
  readonly what?: string;
  /** Of a loss: where, such as `proxy shop/cart`, and how many. */
  readonly where?: string;
  readonly count?: number;
}

export interface SeenEvidence {
  /** Events that wait to be written. */
  queued(): number;
  /** Events that the recorder could not keep, since the start. */
  lost(): number;
  /** Why nothing can be written; undefined while it can. */
  blocked(): string | undefined;
  /** The newest signed head. */
  head(): { readonly position: number; readonly atMs: number } | undefined;
}

/** @returns to be told of each event that is recorded. */
export function telemetryOfEvidence(meters: Meters, evidence: SeenEvidence): (event: SeenEvent) => void {
  const events = meters.count(instruments.events);
  const losses = new Map<(typeof lossPlaces)[number], number>(lossPlaces.map((place) => [place, 0]));
  const certificates = meters.count(instruments.certificateNews);
  meters.read(instruments.evidenceQueue, (tell) => tell(evidence.queued(), {}));
  meters.read(instruments.evidenceBlocked, (tell) => tell(evidence.blocked() === undefined ? 0 : 1, {}));
  meters.read(instruments.evidenceHead, (tell) => tell(evidence.head()?.position ?? 0, {}));
  meters.read(instruments.evidenceHeadTime, (tell) => tell((evidence.head()?.atMs ?? 0) / 1_000, {}));

  meters.read(instruments.losses, (tell) => {
    for (const [place, count] of losses) tell(place === 'recorder' ? evidence.lost() : count, { where: place });
  });

  return ({ kind, what = '', where = '', count = 0 }) => {
    events(1, { kind: oneOf(eventKinds, kind) });
    if (kind === 'certificate') certificates(1, { what: oneOf(certificateNews, what) });
    if (kind !== 'loss') return;
    // The name behind the place is a proxy's or a sink's: it is in the event, and no label. What the recorder lost is
    // asked of itself: while nothing can be written, there is no event of it either.
    const place = oneOf(lossPlaces, where.split(' ')[0] ?? '');
    losses.set(place, (losses.get(place) ?? 0) + count);
  };
}

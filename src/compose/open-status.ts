/**
 * What is said of each object in its `status`: every replica counts its own proxies, and the leader writes.
 *
 *   published snapshot, streams ──▶ tallies ──┐
 *   problems, drills, other replicas ─────────┴──▶ wishes ──leader──▶ API server
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { DrillEngine } from '../chaos/drill-engine.ts';
import { standingProxies } from '../controller/standing-proxies.ts';
import type { Leadership } from '../kube/lease/leadership.ts';
import type { KubeObjects } from '../kube/objects.ts';
import { type Pace, PacedLook } from '../kube/paced-look.ts';
import { Acknowledgements, type Published, type Tally } from '../kube/status/acknowledgements.ts';
import type { DrillProgress } from '../kube/status/drill-fields.ts';
import { StatusWriter } from '../kube/status/status-writer.ts';
import { WishBook } from '../kube/status/wish-book.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import { drillClock, systemClock } from '../system-clock.ts';
import type { ClientStatus } from '../xds/client-status.ts';

export interface StatusHost {
  readonly leadership: Leadership;
  readonly log: Logger;
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** What the newest snapshot was built of. */
  objects(): readonly SourcedObject[];
  /** Everything that is wrong with them, as far as it is known by now. */
  allProblems(): readonly Problem[];
  /** Who is handed what: the rollout. */
  readonly handing: { published(): Snapshot | undefined; isGiven(key: string): boolean };
  /** Every open stream of this replica. */
  clients(): readonly ClientStatus[];
  /** What the other replicas have counted, as far as they can be reached. */
  otherTallies(): readonly (readonly Tally[])[];
  drills(): DrillEngine;
}

/** Of a change the first ACKs are in when it is looked at, so one write says all; and later ACKs, and drills, come without a word. */
const pace: Pace = { settleMs: 250, gapMs: 0, lastMs: 1_000, share: 0.05 };

/** Whoever holds the control plane sees every drill, and does nothing with it here. */
const onlooker = { name: 'status', tenant: undefined, mayStrike: false } as const;

export function openStatus(host: StatusHost, objects: KubeObjects) {
  const { leadership, log } = host;
  const acknowledgements = new Acknowledgements();
  const book = new WishBook();
  /** What each snapshot was built of: the one that is published may not be the newest. */
  const builtOf = new WeakMap<Snapshot, readonly SourcedObject[]>();
  const writer = new StatusWriter({
    ...{ leadership, objects, clock: drillClock, random: Math.random },
    report({ kind, ...event }) {
      if (kind === 'written') log.debug(event, 'status written');
      else log.warn(event, kind === 'refused' ? 'a status was refused' : 'no status can be written for now');
    },
  });
  let tallies: ReadonlyMap<string, Tally> = new Map();
  const looking = new PacedLook(drillClock, pace, look);

  function look(): void {
    const published = publishedNow();
    if (published === undefined) return;
    const proxies = standingProxies(host.clients(), host.handing.isGiven.bind(host.handing));
    tallies = acknowledgements.tallies(published, proxies, systemClock.nowMs());
    if (leadership.term() !== undefined) writer.wish(book.wishes(findings()));
  }

  function publishedNow(): Published | undefined {
    const snapshot = host.handing.published();
    const of = snapshot && builtOf.get(snapshot);
    return snapshot && of && { snapshot, objects: of };
  }

  function findings() {
    const others = host.otherTallies().map((each) => new Map(each.map((tally) => [tally.id, tally])));
    const drills = progressOf(host.drills());
    return { objects: host.objects(), problems: host.allProblems(), tallies: [tallies, ...others], drills };
  }

  return {
    lookAgain() {
      const snapshot = host.snapshot();
      if (snapshot !== undefined) builtOf.set(snapshot, host.objects());
      looking.soon();
    },
    /** Of this replica, for the one that leads. */
    tallies: (): readonly Tally[] => [...tallies.values()],
    async close() {
      writer.close();
      await looking.close();
    },
  };
}

function progressOf(engine: DrillEngine): ReadonlyMap<string, DrillProgress> {
  return new Map(
    // Newest first: of several runs of a drill the newest is to be the last word.
    engine
      .list(onlooker)
      .toReversed()
      .map((view) => {
        const { drill, phase, reason, verdict, approvedBy, startedBy, startedAtMs, faultAtMs, deadlineMs, endedAtMs } =
          view;
        const shown = phase === 'declared' ? undefined : engine.show(drill, onlooker);
        const { plannedBy = '', plan } = shown?.kind === 'ok' ? shown.value : {};
        const who = { plannedBy, approvedBy, startedBy, planHash: plan?.hash ?? '' };
        return [drill, { phase, reason, verdict, ...who, startedAtMs, faultAtMs, deadlineMs, endedAtMs }];
      }),
  );
}

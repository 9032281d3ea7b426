/**
 * Makes changes at a control plane, and tells how long each took to be acknowledged by every proxy that it concerns.
 *
 *   change at its moment ──▶ control plane ──▶ proxies ──ACK with a mark of it or of a later one──▶ the last one counts
 *
 * In an open loop the moments are fixed beforehand and a change counts from its own, whether the one before it is done or
 * not. A merged change is done when the later one is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane, Counts } from './control-plane.ts';
import type { Sighting } from './fleet.ts';
import { type Change, type ChangeKind, firstMark, type StandardMesh } from './standard-mesh.ts';

/** Between two looks at what was acknowledged, in ms; an ACK carries its own moment, so this is no error of a figure. */
const lookMs = 20;
/** Longest wait for the last ACK of a change, in ms. */
const ackMs = 300_000;
/** Time that is left for what nobody should send, in ms, before counts are read. */
const quietMs = 250;

export interface MadeChange {
  readonly change: Change;
  /** Epoch ms at which it was to be made. */
  readonly atMs: number;
}

export interface Outcome {
  /** Of each change, from its moment to the last ACK, in ms; ascending. */
  readonly latenciesMs: readonly number[];
  /** From the first moment to the last ACK of all, in ms. */
  readonly spanMs: number;
  /** Proxies that each change concerns, summed: what had to be told, however many messages it took. */
  readonly updates: number;
  readonly cpuUs: number;
  /** Messages, and their bytes, that the proxies received. */
  readonly pushes: number;
  readonly bytes: number;
}

/** Changes of one kind, place after place, each with a mark of its own. */
export class Changes {
  readonly #mesh: StandardMesh;
  #next = 0;

  constructor(mesh: StandardMesh) {
    this.#mesh = mesh;
  }

  next(kind: ChangeKind): Change {
    const at = this.#next % this.#mesh.places[kind];
    const change = this.#mesh.change(kind, at, firstMark + this.#next);
    this.#next += 1;
    return change;
  }
}

/** One after another, each once the one before is acknowledged everywhere; for `budgetMs`, and at least one. */
export function oneAtATime(plane: ControlPlane, next: () => Change, count: number, budgetMs: number): Promise<Outcome> {
  return observed(plane, async (watch) => {
    const made: MadeChange[] = [];
    const endMs = epochMs() + budgetMs;
    while (made.length < count && (made.length === 0 || epochMs() < endMs)) {
      const each = { change: next(), atMs: epochMs() };
      made.push(each);
      await plane.change(each.change);
      await watch(each);
    }
    return made;
  });
}

/** Open loop. */
export function atRate(plane: ControlPlane, next: () => Change, perSecond: number, count: number): Promise<Outcome> {
  return observed(plane, async (watch) => {
    const beganMs = epochMs();
    const made = Array.from({ length: count }, (_, index) => ({
      change: next(),
      atMs: beganMs + (index * 1_000) / perSecond,
    }));
    const taken: Promise<void>[] = [];
    for (const { change, atMs } of made) {
      const leftMs = atMs - epochMs();
      if (leftMs > 0) await sleep(leftMs);
      taken.push(plane.change(change));
    }
    await Promise.all(taken);
    for (const each of made) await watch(each);
    return made;
  });
}

async function observed(
  plane: ControlPlane,
  act: (watch: (made: MadeChange) => Promise<void>) => Promise<readonly MadeChange[]>,
): Promise<Outcome> {
  await plane.fleet.sightings();
  const before = await plane.counts();
  const acks = new AckBook();
  const watch = async (made: MadeChange) => {
    const deadline = performance.now() + ackMs;
    while (acks.doneMs(made) === undefined) {
      if (performance.now() > deadline) throw new Error(`change ${made.change.mark} was not acknowledged everywhere`);
      await sleep(lookMs);
      acks.add(await plane.fleet.sightings());
    }
  };
  const made = await act(watch);
  await plane.settle();
  await sleep(quietMs);
  return outcomeOf(made, acks, before, await plane.counts());
}

function outcomeOf(made: readonly MadeChange[], acks: AckBook, before: Counts, after: Counts): Outcome {
  const { streamsLost, lastLoss } = after.fleet;
  if (streamsLost > before.fleet.streamsLost) throw new Error(`a stream was lost among the changes: ${lastLoss}`);
  const done = made.map((each) => ({ ...each, doneMs: acks.doneMs(each) ?? Number.NaN }));
  return {
    latenciesMs: done.map(({ atMs, doneMs }) => doneMs - atMs).sort((a, b) => a - b),
    spanMs: Math.max(...done.map(({ doneMs }) => doneMs)) - (made[0]?.atMs ?? Number.NaN),
    updates: made.reduce((sum, { change }) => sum + change.nodes.length, 0),
    cpuUs: after.cpuUs - before.cpuUs,
    pushes: after.fleet.messages - before.fleet.messages,
    bytes: after.fleet.bytes - before.fleet.bytes,
  };
}

/** What was acknowledged so far. */
export class AckBook {
  /** By proxy and name, in the order in which they came, which is that of their marks. */
  readonly #acks = new Map<string, Sighting[]>();

  add(seen: readonly Sighting[]): void {
    for (const sighting of seen) {
      const key = keyOf(sighting[0], sighting[1]);
      const acks = this.#acks.get(key) ?? [];
      this.#acks.set(key, acks);
      acks.push(sighting);
    }
  }

  /** @returns epoch ms at which the last proxy had acknowledged this change or a later one; undefined while one is missing. */
  doneMs({ change, atMs }: MadeChange): number | undefined {
    let lastMs = atMs;
    for (const node of change.nodes) {
      const ack = this.#acks.get(keyOf(node, change.name))?.find(([, , mark]) => mark >= change.mark);
      if (ack === undefined) return undefined;
      lastMs = Math.max(lastMs, ack[3]);
    }
    return lastMs;
  }
}

function keyOf(proxy: number, name: string): string {
  return `${proxy} ${name}`;
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

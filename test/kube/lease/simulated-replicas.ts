/**
 * Replicas that elect a leader over one simulated API server, under one true time that none of them knows: each has a
 * clock that goes at its own pace, and messages take their time or are lost.
 */
import {
  type Ask,
  type Election,
  hear,
  mayHold,
  release,
  retryMs,
  startElection,
  termAt,
} from '../../../src/kube/lease/election.ts';
import { readLease, writeLease } from '../../../src/kube/lease/lease-object.ts';
import type { KubeObject, Outcome } from '../../../src/kube/objects.ts';

export type Fault =
  /** It does nothing at all, and what it asked before is under way. */
  | { readonly kind: 'pause' | 'cut' | 'slow'; readonly replica: number; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'crash' | 'leave'; readonly replica: number; readonly atMs: number }
  /** For everybody. */
  | { readonly kind: 'down'; readonly atMs: number; readonly forMs: number }
  /** Somebody writes into the Lease what is not ours, or deletes it. */
  | { readonly kind: 'label' | 'delete'; readonly atMs: number };

export interface World {
  /** Of each replica's clock: its own milliseconds to one true one. */
  readonly paces: readonly number[];
  readonly faults: readonly Fault[];
  /** Whether nobody has led before it began. */
  readonly isNew: boolean;
  /** From 0 to below 1, one after the other. */
  readonly random: () => number;
}

/** As the shell gives up on a request, in ms of the replica's clock. */
const requestMaxMs = 5_000;
/** Of a message that is slow, in ms; others take a twentieth of it at most. */
const slowMs = 40_000;

interface Replica {
  readonly index: number;
  readonly pace: number;
  life: number;
  state: Election;
  /** Of what it waits for; an answer to anything else is not heard. */
  asked: number;
}

interface Began {
  readonly who: string;
  readonly term: number;
}

export class SimulatedReplicas {
  readonly #world: World;
  readonly #queue: { readonly atMs: number; readonly act: () => void }[] = [];
  readonly #replicas: Replica[];
  #lease: KubeObject | undefined;
  #revision = 1_000;
  #asks = 0;
  nowMs = 0;
  /** Every leadership, as it began. */
  readonly began: Began[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#replicas = world.paces.map((pace, index) => ({ index, pace, life: 0, state: startElection, asked: 0 }));
    for (const replica of this.#replicas) this.#after(this.#random(3_000), () => this.#ask(replica));
    for (const fault of world.faults) this.#after(fault.atMs, () => this.#strike(fault));
  }

  /** @returns whether anything was left to happen. Time goes on to it. */
  step(): boolean {
    const [next] = this.#queue.sort((left, right) => left.atMs - right.atMs);
    if (next === undefined) return false;
    this.#queue.shift();
    this.nowMs = next.atMs;
    next.act();
    return true;
  }

  /** Of all who believe to lead in this moment, stopped ones too. */
  leaders(): Began[] {
    return this.#replicas.flatMap((replica) => {
      const term = termAt(replica.state, this.#clock(replica));
      return term === undefined ? [] : [{ who: identityOf(replica), term }];
    });
  }

  #ask(replica: Replica): void {
    const { next } = replica.state;
    const sentMs = this.#clock(replica);
    this.#asks += 1;
    const asked = this.#asks;
    replica.asked = asked;
    this.#after(this.#delay(replica), () => {
      const outcome: Outcome = this.#isCut(replica) ? unanswered : this.#serve(next);
      this.#after(this.#delay(replica), () => {
        if (!this.#isCut(replica)) this.#hear(replica, asked, outcome, sentMs);
      });
    });
    this.#after(requestMaxMs / replica.pace, () => this.#hear(replica, asked, unanswered, sentMs));
  }

  #hear(replica: Replica, asked: number, outcome: Outcome, sentMs: number): void {
    if (replica.asked !== asked) return;
    const pausedUntilMs = this.#untilMs('pause', replica);
    if (pausedUntilMs > this.nowMs) {
      this.#after(pausedUntilMs - this.nowMs, () => this.#hear(replica, asked, outcome, sentMs));
      return;
    }
    replica.asked = 0;
    const nowMs = this.#clock(replica);
    const before = termAt(replica.state, nowMs);
    const isNewMesh = this.#world.isNew && this.began.length === 0;
    replica.state = hear(replica.state, outcome, { identity: identityOf(replica) }, { sentMs, nowMs, isNewMesh });
    // Who hears after its time that it was given the Lease does not begin: another may have led since.
    const term = termAt(replica.state, nowMs);
    if (term !== undefined && term !== before) this.began.push({ who: identityOf(replica), term });
    this.#later(replica, replica.state.isHasty ? 0 : retryMs + this.#random(retryMs / 5));
  }

  #later(replica: Replica, waitMs: number): void {
    const { life } = replica;
    this.#after(waitMs, () => {
      if (replica.life === life) this.#ask(replica);
    });
  }

  #serve(ask: Ask): Outcome {
    this.#revision += 1 + Math.floor(this.#random(20));
    if (ask.kind === 'make') {
      return this.#lease === undefined ? this.#keep(writeLease(ask.record, undefined, 0)) : conflict;
    }
    if (this.#lease === undefined) return { kind: 'missing' };
    if (ask.kind === 'read') return { kind: 'done', object: this.#lease };
    const isNewest = ask.over.resourceVersion === this.#lease.metadata.resourceVersion;
    return isNewest ? this.#keep(writeLease(ask.record, ask.over, 0)) : conflict;
  }

  #keep(object: KubeObject): Outcome {
    this.#lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
    return { kind: 'done', object: this.#lease };
  }

  #strike(fault: Fault): void {
    if (fault.kind === 'delete') this.#lease = undefined;
    if (fault.kind === 'label' && this.#lease !== undefined) {
      this.#revision += 1;
      this.#keep(this.#lease);
    }
    if (fault.kind !== 'crash' && fault.kind !== 'leave') return;
    const replica = this.#replicas[fault.replica];
    if (replica === undefined) return;
    if (fault.kind === 'leave' && mayHold(replica.state)) this.#giveBack(replica);
    replica.life += 1;
    replica.asked = 0;
    replica.state = startElection;
    this.#later(replica, this.#random(3_000));
  }

  #giveBack(replica: Replica): void {
    const who = { identity: identityOf(replica) };
    this.#after(this.#delay(replica), () => {
      const there = this.#serve({ kind: 'read' });
      const ask = there.kind === 'done' ? release(readLease(there.object), who) : undefined;
      if (ask !== undefined) this.#after(this.#delay(replica), () => this.#serve(ask));
    });
  }

  #delay(replica: Replica): number {
    return this.#random(this.#untilMs('slow', replica) > this.nowMs ? slowMs : slowMs / 20);
  }

  #isCut(replica: Replica): boolean {
    return Math.max(this.#untilMs('cut', replica), this.#untilMs('down')) > this.nowMs;
  }

  #untilMs(kind: Fault['kind'], replica?: Replica): number {
    const ends = this.#world.faults.map((fault) => {
      const isMeant = fault.kind === kind && (!('replica' in fault) || fault.replica === replica?.index);
      return isMeant && 'forMs' in fault && fault.atMs <= this.nowMs ? fault.atMs + fault.forMs : 0;
    });
    return Math.max(0, ...ends);
  }

  #clock({ pace, index }: Replica): number {
    return index * 1_000_000 + this.nowMs * pace;
  }

  #after(waitMs: number, act: () => void): void {
    this.#queue.push({ atMs: this.nowMs + waitMs, act });
  }

  #random(below: number): number {
    return this.#world.random() * below;
  }
}

/** Of one life of it: the same name comes back with another. */
function identityOf({ index, life }: Replica): string {
  return `coffre-${index}_${life}`;
}

const conflict: Outcome = { kind: 'conflict', message: 'another version' };
const unanswered: Outcome = { kind: 'unanswered', message: 'no answer' };

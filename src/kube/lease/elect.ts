/**
 * Takes part in the election of a leader, from its opening to its close.
 *
 *   machine ──ask──▶ API server ──outcome──▶ machine ──▶ term(), leader(), onChange
 *
 * A process that was stopped for a minute finds out by the first `term()` it asks: the clock went on.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { askUntil } from '../ask-until.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeObjects, type Outcome } from '../objects.ts';
import {
  type Ask,
  type Candidate,
  type Election,
  hear,
  leaderAt,
  lost,
  mayHold,
  release,
  retryMs,
  startElection,
  termAt,
} from './election.ts';
import type { Leader, Leadership } from './leadership.ts';
import { leaseName, leases, readLease, writeLease } from './lease-object.ts';

export interface ElectionHost {
  readonly client: Pick<KubeClient, 'send'>;
  /** Of this replica, as `--replica` says. */
  readonly name: string;
  /** Where its peers reach it, `ADDRESS:PORT`. */
  readonly address: string | undefined;
  /** Whether nobody can ever have led: asked where there is no Lease. Must not reject; who does not know says no. */
  isNewMesh(signal: AbortSignal): Promise<boolean>;
  /** Must not throw. */
  report(event: ElectionEvent): void;
}

export type ElectionEvent =
  | { readonly kind: 'began'; readonly term: number }
  | { readonly kind: 'ended'; readonly term: number }
  /** Told once for each message. */
  | { readonly kind: 'troubled'; readonly message: string };

export interface OpenElection extends Leadership {
  /** Gives the Lease back if it is ours, so that another replica need not wait until it is over. */
  close(): Promise<void>;
}

/** Longest time for one request, in ms: two fit into a leader's time. */
const requestMaxMs = 5_000;
/** Longest time to give the Lease back, in ms. */
const releaseMaxMs = 2_000;

export function elect({ client, name, address, isNewMesh, report }: ElectionHost): OpenElection {
  const who: Candidate = { identity: `${name}_${randomUUID()}`, ...(address === undefined ? {} : { address }) };
  const stop = new AbortController();
  const listeners = new Set<() => void>();
  let state: Election = startElection;
  let told = tell();
  let trouble: string | undefined;
  let ending: NodeJS.Timeout | undefined;
  const running = run();

  function tell(): { readonly term: number | undefined; readonly leader: Leader | undefined } {
    const nowMs = performance.now();
    const term = termAt(state, nowMs);
    if (term !== undefined) return { term, leader: leaderOf(who.identity, term, address) };
    const lease = leaderAt(state, who, nowMs);
    return { term, leader: lease && leaderOf(lease.holder, lease.term, lease.address) };
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      if (!state.isHasty) await sleep(retryMs * (1 + Math.random() / 5), undefined, stop).catch(() => undefined);
      if (stop.signal.aborted) return;
      const sentMs = performance.now();
      const within = AbortSignal.any([stop.signal, AbortSignal.timeout(requestMaxMs)]);
      const outcome = await carryOut(state.next, within);
      const isNew = outcome.kind === 'missing' && !mayHold(state) && (await isNewMesh(within));
      if (stop.signal.aborted) return;
      const message = troubleOf(state.next, outcome);
      take(hear(state, outcome, who, { sentMs, nowMs: performance.now(), isNewMesh: isNew }));
      if (message !== undefined && message !== trouble) report({ kind: 'troubled', message });
      trouble = message;
    }
  }

  function take(next: Election): void {
    state = next;
    clearTimeout(ending);
    const { held } = state;
    if (held !== undefined) ending = setTimeout(look, Math.max(0, Math.ceil(held.untilMs - performance.now())));
    look();
  }

  /** Tells whoever listens, if there is something to tell. */
  function look(): void {
    const before = told;
    told = tell();
    if (before.term !== told.term) {
      if (before.term !== undefined) report({ kind: 'ended', term: before.term });
      if (told.term !== undefined) report({ kind: 'began', term: told.term });
    }
    if (JSON.stringify(before) === JSON.stringify(told)) return;
    for (const listener of listeners) listener();
  }

  function carryOut(ask: Ask, signal: AbortSignal): Promise<Outcome> {
    const objects = new KubeObjects(client, signal);
    switch (ask.kind) {
      case 'read':
        return objects.read(leases, leaseName);
      case 'make':
        return objects.create(leases, writeLease(ask.record, undefined, Date.now()));
      case 'take':
      case 'renew':
        return objects.replace(leases, writeLease(ask.record, ask.over, Date.now()));
    }
  }

  /** As it is now: a renewal that was cut off may have been done all the same, or be done yet. */
  async function giveBack(signal: AbortSignal): Promise<Outcome> {
    const there = await carryOut({ kind: 'read' }, signal);
    const ask = there.kind === 'done' ? release(readLease(there.object), who) : undefined;
    return ask === undefined ? there : carryOut(ask, signal);
  }

  return {
    term: () => termAt(state, performance.now()),
    leader: () => tell().leader,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      stop.abort();
      await running;
      const isOurs = mayHold(state);
      take(lost(state));
      if (!isOurs) return;
      const signal = AbortSignal.timeout(releaseMaxMs);
      await askUntil(() => giveBack(signal), {
        isFinal: ({ kind }) => kind !== 'conflict' && kind !== 'unanswered',
        signal,
      });
    },
  };
}

function troubleOf(asked: Ask, outcome: Outcome): string | undefined {
  if (outcome.kind === 'refused' || outcome.kind === 'unanswered') return outcome.message;
  return outcome.kind === 'missing' && asked.kind === 'make'
    ? `there is no namespace \`${leases.namespace}\`; install Coffre there`
    : undefined;
}

function leaderOf(identity: string, term: number, address: string | undefined): Leader {
  const name = identity.slice(0, identity.lastIndexOf('_'));
  return { name, term, ...(address === undefined ? {} : { address }) };
}

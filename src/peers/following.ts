/**
 * What a follower does for its leader, and for whom it does nothing: a pure machine.
 *
 *   learned(term), opened, commanded(term, …), closed ──follow──▶ lay, lift, watch, unwatch, refuse
 *
 * Two promises. Nothing of a leader outlives its stream: whatever ends it, everything is taken back in the same step. And
 * no command of a lower term than was ever seen is done, be it seen in a command, in the lease, or in an own leadership:
 * a process that was stopped for a minute and goes on does not know that another leads, and this one does (FLT-34).
 */
import type { Command } from '#gen/coffre/peers/v1/peers_pb.js';
import { laidMax, watchesMax } from './limits.ts';

/** Runtime keys and their values. */
export type Settings = ReadonlyMap<string, number>;

export interface Watched {
  readonly proxies: readonly string[];
  readonly cluster: string;
}

/** The safety lever of drills. */
export interface MovedLever {
  readonly pulled: boolean;
  readonly by: string;
  readonly reason: string;
  /** Epoch ms. */
  readonly atMs: number;
}

export interface Following {
  /** Highest that was ever seen; 0 before any. */
  readonly term: number;
  readonly stream: FollowedStream | undefined;
}

interface FollowedStream {
  /** Of its newest command; 0 before the first. */
  readonly term: number;
  readonly laid: ReadonlySet<string>;
  readonly watches: ReadonlyMap<number, Watched>;
  /** Acceptances are to be told. */
  readonly attends: boolean;
}

export type FollowingEvent =
  /** Somebody leads under this term, whoever said so. */
  | { readonly kind: 'learned'; readonly term: number }
  | { readonly kind: 'opened' }
  | { readonly kind: 'commanded'; readonly command: Command }
  | { readonly kind: 'closed' };

export type FollowingEffect =
  | { readonly kind: 'lay'; readonly proxy: string; readonly settings: Settings }
  | { readonly kind: 'lift'; readonly proxy: string }
  | ({ readonly kind: 'watch'; readonly watch: number } & Watched)
  | { readonly kind: 'unwatch'; readonly watch: number }
  /** To be kept, whoever leads next. */
  | { readonly kind: 'lever'; readonly lever: MovedLever }
  /** The stream is to be ended. */
  | { readonly kind: 'refuse'; readonly why: string };

export interface FollowingStep {
  readonly state: Following;
  readonly effects: readonly FollowingEffect[];
}

export const notFollowing: Following = { term: 0, stream: undefined };

const opened: FollowedStream = { term: 0, laid: new Set(), watches: new Map(), attends: false };

export function follow(state: Following, event: FollowingEvent): FollowingStep {
  switch (event.kind) {
    case 'learned':
      return learned(state, event.term);
    case 'opened':
      return { state: { ...state, stream: opened }, effects: takenBack(state) };
    case 'closed':
      return { state: { ...state, stream: undefined }, effects: takenBack(state) };
    case 'commanded':
      return commanded(state, event.command);
  }
}

function learned(state: Following, term: number): FollowingStep {
  if (term <= state.term) return same(state);
  const known = { ...state, term };
  // A stream that has said nothing yet may be that of the very leader that was heard of.
  if (state.stream === undefined || state.stream.term === 0) return same(known);
  return refused(known, `the leader of term ${state.stream.term} is followed by one of term ${term}`);
}

function commanded(state: Following, { term: termOfCommand, kind }: Command): FollowingStep {
  const { stream } = state;
  const term = Number(termOfCommand);
  if (stream === undefined) return same(state);
  if (term < state.term) return refused(state, `a command of term ${term}, where term ${state.term} was seen`);
  const heard = { ...stream, term };
  const step = (to: FollowedStream, effects: readonly FollowingEffect[]) => ({ state: { term, stream: to }, effects });
  switch (kind.case) {
    case 'layers': {
      const effects = kind.value.layers.flatMap(({ proxies, settings }) => layersOf(proxies, settings));
      const laid = new Set(stream.laid);
      for (const each of effects) {
        if (each.kind === 'lay') laid.add(each.proxy);
        else laid.delete(each.proxy);
      }
      if (laid.size > laidMax) return refused({ ...state, term }, `more than ${laidMax} proxies to be drilled at once`);
      return step({ ...heard, laid }, effects);
    }
    case 'watch': {
      const { watch, proxies, cluster } = kind.value;
      if (stream.watches.has(watch)) return step(heard, []);
      if (stream.watches.size >= watchesMax) return refused({ ...state, term }, `more than ${watchesMax} watches`);
      const watched = { proxies, cluster };
      const watches = new Map(stream.watches).set(watch, watched);
      return step({ ...heard, watches }, [{ kind: 'watch', watch, ...watched }]);
    }
    case 'unwatch': {
      const { watch } = kind.value;
      if (!stream.watches.has(watch)) return step(heard, []);
      const watches = new Map(stream.watches);
      watches.delete(watch);
      return step({ ...heard, watches }, [{ kind: 'unwatch', watch }]);
    }
    case 'lever': {
      const { pulled, by, reason, atMs } = kind.value;
      return step(heard, [{ kind: 'lever', lever: { pulled, by, reason, atMs } }]);
    }
    case 'attend':
      return step({ ...heard, attends: kind.value.on }, []);
    default:
      return step(heard, []);
  }
}

function layersOf(
  proxies: readonly string[],
  settings: Readonly<Record<string, number>>,
): readonly (FollowingEffect & { readonly kind: 'lay' | 'lift' })[] {
  const values = new Map(Object.entries(settings));
  if (values.size === 0) return proxies.map((proxy) => ({ kind: 'lift', proxy }));
  return proxies.map((proxy) => ({ kind: 'lay', proxy, settings: values }));
}

function refused(state: Following, why: string): FollowingStep {
  return { state: { ...state, stream: undefined }, effects: [...takenBack(state), { kind: 'refuse', why }] };
}

/** Everything that lies, or goes on, for the leader. */
function takenBack({ stream }: Following): readonly FollowingEffect[] {
  if (stream === undefined) return [];
  return [
    ...[...stream.laid].map((proxy) => ({ kind: 'lift', proxy }) as const),
    ...[...stream.watches.keys()].map((watch) => ({ kind: 'unwatch', watch }) as const),
  ];
}

function same(state: Following): FollowingStep {
  return { state, effects: [] };
}

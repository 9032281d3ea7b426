/** What is known of a roll-out: what each proxy has and is to have, and how far a content has come. Values; see canary.ts. */
import type { ResourceSnapshot } from '../xds/resource.ts';
import type { RefusedResponse } from './blame.ts';
import type { ContentKey, Unit } from './rollout-unit.ts';

/** What a proxy is to be given in the end. */
export interface Wanted {
  readonly snapshot: ResourceSnapshot;
  /** Its tenant: whose canaries it waits for. */
  readonly owner: string;
  /** Equal for proxies with the same entitlements: a new one takes the last good of those. */
  readonly mates: string;
}

export type CanaryEvent =
  /** Of a proxy in neither list nothing new is known, and nothing changes. */
  | { readonly kind: 'wanted'; readonly proxies: ReadonlyMap<string, Wanted>; readonly gone: readonly string[] }
  | { readonly kind: 'connected' | 'disconnected'; readonly proxy: string }
  | ({ readonly kind: 'acked'; readonly proxy: string } & Omit<RefusedResponse, 'message'>)
  | ({ readonly kind: 'nacked'; readonly proxy: string } & RefusedResponse)
  /** It is `wakeAtMs`, or later. */
  | { readonly kind: 'time' };

export interface ProxyState extends Wanted {
  /** The last good: what it has but for what it is trying. */
  readonly base: ResourceSnapshot;
  /** The last good before it, of which it was composed. */
  readonly before: ResourceSnapshot;
  /** What of `snapshot` is not in `base`. */
  readonly units: readonly Unit[];
  /** Undefined until something was published. */
  readonly given: ResourceSnapshot | undefined;
}

/** How far one content has come; one of which nothing is said was not tried yet. */
export type Trial =
  | { readonly kind: 'tried'; readonly by: string; readonly untilMs: number; readonly alone: boolean }
  /** Refused together with others. */
  | { readonly kind: 'suspected' }
  | { readonly kind: 'passed' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface Refusal {
  /** `held`: nobody else is given it; `lone`: the others have it. */
  readonly kind: 'held' | 'lone';
  readonly proxy: string;
  readonly typeUrl: string;
  /** Names that may be meant, never empty. */
  readonly names: readonly string[];
  /** Envoy's own words. */
  readonly message: string;
}

export function contentsOf({ members }: Unit): readonly ContentKey[] {
  return [...members.values()].map(({ content }) => content);
}

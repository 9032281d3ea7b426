/**
 * Which of the connected proxies hold all that was made for them: given it, and accepted it to the last type.
 *
 *   streams ──newest of each sidecar, every one of a worker──▶ given all? each type accepted? ──▶ isWhole
 */
import type { ClientStatus, TypeStatus } from '../xds/client-status.ts';
import { typeUrls } from '../xds/type-url.ts';
import { workerKey } from './configure.ts';

export interface StandingProxy {
  readonly kind: 'sidecar' | 'worker';
  /** Of a sidecar its workload key; unique. */
  readonly name: string;
  /** Epoch ms. */
  readonly openedAtMs: number;
  readonly isWhole: boolean;
}

/** A sidecar that has not asked for both yet has told only a part of what it wants. */
const askedByEach = [typeUrls.cluster, typeUrls.listener];

/** @param isGiven whether a key was given all that was made for it. */
export function standingProxies(
  clients: readonly ClientStatus[],
  isGiven: (key: string) => boolean,
): readonly StandingProxy[] {
  const workers = clients.flatMap((client): StandingProxy[] => {
    const { key, stream, openedAtMs, types } = client;
    if (key !== workerKey) return [];
    const isWhole = isGiven(key) && types.length > 0 && types.every(isAccepted);
    return [{ kind: 'worker', name: `${key} ${stream}`, openedAtMs, isWhole }];
  });
  // Of two streams of one sidecar the first is dead, unnoticed here.
  const newest = new Map(clients.filter(({ key }) => key !== workerKey).map((client) => [client.key, client]));
  const sidecars = [...newest.values()].map(({ key, openedAtMs, types }): StandingProxy => {
    const hasAsked = askedByEach.every((typeUrl) => types.some((type) => type.typeUrl === typeUrl));
    return { kind: 'sidecar', name: key, openedAtMs, isWhole: isGiven(key) && hasAsked && types.every(isAccepted) };
  });
  return [...sidecars, ...workers];
}

/** What was never sent was never made: nothing of that type is missing. */
function isAccepted({ state }: TypeStatus): boolean {
  return state === 'SYNCED' || state === 'NOT_SENT';
}

/**
 * One caller at one door: whether he comes in, and how, or what stops him.
 *
 *   handshake ──▶ peers he may be ──▶ network filters ──▶ an example request that passes, or the samples that all fail
 *
 * He chooses all that a caller can: server name, request, and to show his certificate or none. `refused` is said only of
 * what is refused whatever he chooses; `admitted` only with an example that nothing here stops.
 */
import type { RBAC as Rules } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { adminCluster } from '../envoy/names.ts';
import { type Certainty, every } from './certainty.ts';
import type { ChainReading, NetworkFilter } from './chain-reading.ts';
import type { Caller, Connection, Dialled, Peer } from './connection.ts';
import type { HeldResources } from './held-resources.ts';
import { deniedBy, type HttpReading, type Passage, stopped } from './http-reading.ts';
import { rule } from './rbac-reading.ts';
import type { ExampleRequest } from './request.ts';
import { sampleTexts } from './sample-texts.ts';
import { type Anchors, believes } from './trust-reading.ts';

export type Entry =
  | { readonly kind: 'admitted'; readonly way: Way }
  | { readonly kind: 'unclear'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string };

export interface Way {
  readonly connection: Connection;
  readonly passage: Passage;
  /** Absent for an opaque connection. */
  readonly request?: ExampleRequest;
}

/** What does not depend on who calls. */
export interface World {
  readonly anchors: Anchors;
  readonly nowMs: number;
}

/** What a sidecar's own configuration leaves of a caller's choice. */
export interface Choice {
  /** Requests that come by this connection at all. */
  sends(request: ExampleRequest): Certainty;
  /** More requests to try, of what the caller's own routes tell apart. */
  readonly requests: readonly ExampleRequest[];
  /** Whether he shows his certificate. */
  readonly named: boolean;
}

export function enter(
  chain: ChainReading,
  held: HeldResources,
  dialled: Dialled,
  caller: Caller,
  world: World,
  choice?: Choice,
): Entry {
  const { handshake } = chain;
  if (handshake.kind === 'strange') return { kind: 'unclear', why: `nobody here understands ${handshake.why}` };
  const { peers, why } = shakeHands(chain, dialled, caller, world, choice);
  const entries = peers.map(({ peer, believed, doubt }) => {
    const entry = pass(chain.filters, held, { ...dialled, peer }, world, choice);
    return entry.kind === 'admitted' && believed !== 'yes' ? ({ kind: 'unclear', why: doubt } as const) : entry;
  });
  const entry = best(entries) ?? { kind: 'refused', why };
  const unchecked = handshake.kind === 'tls' && handshake.trust.kind === 'anyone' && choice === undefined;
  return unchecked && entry.kind === 'refused' ? { kind: 'unclear', why: 'it checks no certificate' } : entry;
}

/** The most that a caller is granted; of refusals the last, which came furthest. */
export function best(entries: readonly Entry[]): Entry | undefined {
  return (
    entries.find(({ kind }) => kind === 'admitted') ?? entries.find(({ kind }) => kind === 'unclear') ?? entries.at(-1)
  );
}

interface Shaken {
  readonly peer: Peer;
  readonly believed: Certainty;
  readonly doubt: string;
}

function shakeHands(
  { handshake, filters }: ChainReading,
  { transport }: Dialled,
  caller: Caller,
  { anchors }: World,
  choice: Choice | undefined,
): { readonly peers: readonly Shaken[]; readonly why: string } {
  if (handshake.kind !== 'tls') return { peers: [certain({ kind: 'plaintext' })], why: '' };
  if (transport === 'plaintext') return { peers: [], why: 'it wants TLS, and plaintext is no handshake' };
  const { trust, certificateRequired } = handshake;
  const own: Peer = { kind: 'named', spiffeId: caller.spiffeId };
  const nameless = certificateRequired || choice?.named ? [] : [certain({ kind: 'anonymous' } as const)];
  if (choice?.named === false) return { peers: nameless, why: 'it wants a certificate, and is shown none' };
  switch (trust.kind) {
    case 'missing':
      return { peers: [], why: `the secret \`${trust.secret}\` that says whom to believe is not there` };
    case 'not-understood':
      return { peers: [{ peer: own, believed: 'maybe', doubt: `nobody here understands ${trust.why}` }], why: '' };
    case 'anyone':
      return { peers: [...[own, ...(choice === undefined ? forged(filters) : [])].map(certain), ...nameless], why: '' };
    case 'checked': {
      const { believed, why } = believes(trust.context, caller, anchors);
      const shown = believed === 'no' ? [] : [{ peer: own, believed, doubt: why }];
      return { peers: [...shown, ...nameless], why };
    }
  }
}

function certain(peer: Peer): Shaken {
  return { peer, believed: 'yes', doubt: '' };
}

/** Where no certificate is checked, a caller bears the name that the rules like best. */
function forged(filters: readonly NetworkFilter[]): readonly Peer[] {
  const rules = filters.flatMap((filter): readonly (Rules | undefined)[] =>
    filter.kind === 'rbac' ? [filter.rules] : filter.kind === 'http' ? filter.http.everyRules() : [],
  );
  const names = rules.flatMap(principalNames);
  return sampleTexts(names, '', []).texts.map((spiffeId) => ({ kind: 'named', spiffeId }));
}

function principalNames(rules: Rules | undefined) {
  return Object.values(rules?.policies ?? {}).flatMap(({ principals }) =>
    principals.flatMap(({ identifier }) =>
      identifier.case === 'authenticated' && identifier.value.principalName ? [identifier.value.principalName] : [],
    ),
  );
}

function pass(
  filters: readonly NetworkFilter[],
  held: HeldResources,
  connection: Connection,
  world: World,
  choice: Choice | undefined,
): Entry {
  const rules: string[] = [];
  let passes: Certainty = 'yes';
  let doubt = '';
  for (const filter of filters) {
    switch (filter.kind) {
      case 'strange':
        return { kind: 'unclear', why: `nobody here understands ${filter.why}` };
      case 'missing':
        return { kind: 'refused', why: `the filter \`${filter.name}\` is not there, so the connection is closed` };
      case 'rbac': {
        const ruling = rule(filter.rules, { connection, grasp: 'exact', asked: false, nowMs: world.nowMs });
        if (ruling.passes === 'no') return { kind: 'refused', why: deniedBy(filter.name, ruling.by) };
        if (ruling.passes === 'maybe') doubt ||= `a condition of \`${filter.name}\` is not certain`;
        passes = every([passes, ruling.passes]);
        rules.push(...ruling.by);
        break;
      }
      case 'tcp': {
        const cluster = filter.clusters.find((name) => isServed(name, held));
        if (cluster === undefined) return { kind: 'refused', why: `\`${filter.clusters.join()}\` has no endpoint` };
        const passage = { ...stopped(passes, doubt), cluster, rules };
        return passes === 'yes' ? { kind: 'admitted', way: { connection, passage } } : { kind: 'unclear', why: doubt };
      }
      case 'http': {
        const entry = ask(filter.http, held, connection, world, choice);
        return entry.kind === 'admitted' && passes !== 'yes' ? { kind: 'unclear', why: doubt } : entry;
      }
    }
  }
  return { kind: 'refused', why: 'no filter of the chain passes anything on' };
}

/** An example that passes; failing that, whether any request could. */
function ask(
  http: HttpReading,
  held: HeldResources,
  connection: Connection,
  { nowMs }: World,
  choice: Choice | undefined,
): Entry {
  const { requests, whole, complete } = http.samples();
  const tried = [...requests, ...(choice?.requests ?? [])];
  let doubt: string | undefined;
  let why = 'no request passes';
  for (const request of tried) {
    const sent = choice?.sends(request) ?? 'yes';
    if (sent === 'no') continue;
    const judged = http.judge(connection, request, 'exact', nowMs);
    const passage = judged.passes === 'no' ? judged : reaching(judged, held);
    if (passage.passes === 'yes' && sent === 'yes') return { kind: 'admitted', way: { connection, passage, request } };
    if (passage.passes === 'no') why = passage.why;
    else doubt ??= passage.why || 'what the caller sends is not certain';
  }
  if (doubt !== undefined) return { kind: 'unclear', why: doubt };
  if (whole && complete) return { kind: 'refused', why };
  const grasp = whole ? 'understood' : 'nothing';
  const open = tried.find((request) => http.judge(connection, request, grasp, nowMs).passes !== 'no');
  return open === undefined
    ? { kind: 'refused', why }
    : { kind: 'unclear', why: 'a condition on the request is not understood, and no example passes it' };
}

/** A cluster that is not there, or has nobody in it, answers by itself. */
function reaching(passage: Passage, held: HeldResources): Passage {
  if (passage.cluster === '' || isServed(passage.cluster, held)) return passage;
  return stopped('no', `\`${passage.cluster}\` has no endpoint`);
}

function isServed(name: string, held: HeldResources): boolean {
  // Of the bootstrap, which is not ours to read; it is there.
  if (name === adminCluster) return true;
  const cluster = held.cluster(name);
  if (cluster === undefined) return false;
  const listed = cluster.loadAssignment ?? held.endpoints(cluster.edsClusterConfig?.serviceName || name);
  // Without a list its endpoints are found by other means, of which nothing is said here.
  return listed === undefined || listed.endpoints.some(({ lbEndpoints }) => lbEndpoints.length > 0);
}

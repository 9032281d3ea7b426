/**
 * Which pod may speak to which, at which port, by the mesh's own word: the dumb oracle of the policy tests, asked for some
 * request that passes. What only a request can tell (a deny of some, a condition) is taken as not refusing.
 */
import type { Snapshot, Workload } from '../../../src/model/snapshot.ts';
import type { AccessRequest } from '../../../src/policy/decide.ts';
import { matchesEvery } from '../../../src/policy/port-policy.ts';
import { requestMethods, requestPaths, requestShapes } from '../../fixtures/random-mesh.ts';
import { mayPass } from '../../policy/oracle.ts';
import { type Place, type Policy, passes } from './evaluator.ts';

export interface Pair {
  readonly from: Workload;
  readonly to: Workload;
  readonly port: number;
}

export interface Comparison {
  readonly open: number;
  readonly closed: number;
  /** Closed by the mesh, open by the policies, and nobody could tell by labels. */
  readonly blurred: number;
  /** Neither: each is a fault of the policies. */
  readonly wrong: readonly string[];
}

/** What a network does that keeps to one direction only. */
export function onlyOf(direction: 'Ingress' | 'Egress', policies: readonly Policy[]): readonly Policy[] {
  return policies.map((policy) => ({ ...policy, spec: { ...policy.spec, policyTypes: [direction] } }));
}

/** Every pair of two pods, at every port that any pod has. */
export function compare(snapshot: Snapshot, policies: readonly Policy[], nowMs: number): Comparison {
  const relaxed = withoutConditions(snapshot);
  const workloads = [...snapshot.workloads.values()];
  const ports = [...new Set(endpointsOf(snapshot).map(({ port }) => port))];
  const pairs = workloads.flatMap((from) => workloads.flatMap((to) => ports.map((port): Pair => ({ from, to, port }))));
  const edges = new Set(pairs.filter((pair) => isEdge(snapshot, relaxed, pair, nowMs)).map(keyOf));
  const alike = new Set(pairs.filter((pair) => edges.has(keyOf(pair))).map(labelsOf));
  const count = { open: 0, closed: 0, blurred: 0 };
  const wrong: string[] = [];
  // What a pod says to itself meets no network; but a replica of it may come, whose labels are its own.
  for (const pair of pairs.filter(({ from, to }) => from !== to)) {
    const isOpen = passes(policies, { from: placeOf(pair.from), to: placeOf(pair.to), port: pair.port });
    const want = edges.has(keyOf(pair));
    if (isOpen === want) count[isOpen ? 'open' : 'closed'] += 1;
    else if (isOpen && alike.has(labelsOf(pair))) count.blurred += 1;
    else wrong.push(`${keyOf(pair)} is ${isOpen ? 'open' : 'closed'}, and is ${want ? 'an edge' : 'none'}`);
  }
  return { ...count, wrong };
}

function placeOf({ tenant, labels, addresses }: Workload): Place {
  return { kind: 'pod', namespace: tenant, labels: Object.fromEntries(labels), address: addresses[0] ?? '' };
}

function keyOf({ from, to, port }: Pair): string {
  return `${from.key} to ${to.key}:${port}`;
}

function labelsOf({ from, to, port }: Pair): string {
  const told = ({ tenant, labels }: Workload) => JSON.stringify([tenant, ...labels]);
  return `${told(from)} to ${told(to)}:${port}`;
}

function endpointsOf({ services }: Snapshot) {
  return [...services.values()].flatMap(({ ports }) =>
    ports.flatMap(({ protocol, endpoints }) => endpoints.map(({ workload, port }) => ({ workload, port, protocol }))),
  );
}

function isEdge(snapshot: Snapshot, relaxed: Snapshot, { from, to, port }: Pair, nowMs: number): boolean {
  const declared = endpointsOf(snapshot).find((each) => each.workload === to.key && each.port === port);
  if (declared === undefined) return false;
  const principal = from.spiffeId;
  if (declared.protocol === 'tcp') return mayPass(snapshot, to, port, { kind: 'tcp', principal }, nowMs);
  return requestMethods.some((method) =>
    requestPaths.some((path) =>
      requestShapes.some((shape) => {
        const request: AccessRequest = { kind: 'http', principal, method, path, ...shape };
        return mayPass(relaxed, to, port, request, nowMs);
      }),
    ),
  );
}

function withoutConditions(snapshot: Snapshot): Snapshot {
  const policies = [...snapshot.policies].map(([key, policy]) => {
    const deny = policy.deny.filter(
      ({ match, token, when }) => matchesEvery(match) && token === undefined && when === undefined,
    );
    const allow = policy.allow.map(({ token: _token, when: _when, match, ...rule }) => ({
      ...rule,
      match: { methods: [], paths: [] },
    }));
    return [key, { ...policy, deny, allow }] as const;
  });
  const grants = [...snapshot.grants].map(([key, { when: _when, ...grant }]) => {
    return [key, { ...grant, to: { ...grant.to, match: { methods: [], paths: [] } } }] as const;
  });
  return { ...snapshot, policies: new Map(policies), grants: new Map(grants) };
}

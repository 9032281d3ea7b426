/**
 * The Lease by which replicas agree who leads, as it lies in the cluster.
 *
 *   coordination.k8s.io Lease  ◀──readLease──  ──writeLease──▶   holder, duration, term, address
 *
 * Whatever times stand in it are for people: clocks of two machines are not compared by anything here. A Lease that says
 * neither who holds it nor for how long is free: it was given back, or never had.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import type { Collection, KubeObject } from '../objects.ts';
import type { PolicyRule } from '../policy-rule.ts';

export const leaseName = 'coffre';

export const leases: Collection = {
  ...{ group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespace: systemNamespace },
};

/** What the control plane needs in the system namespace to agree on a leader. */
export const leaseNamespaceRules: readonly PolicyRule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
];

const termAnnotation = 'coffre.dev/term';
const addressAnnotation = 'coffre.dev/address';

export interface LeaseRecord {
  /** Empty text: nobody. */
  readonly holder: string;
  /** How long a version of it is to be respected by whoever sees it first, in ms; 0: it is free. */
  readonly durationMs: number;
  /** How often it changed hands. */
  readonly transitions: number;
  /** Of its holder, or of the one before; 0 where it says none. */
  readonly term: number;
  /** Where peers reach its holder. */
  readonly address?: string;
}

/** A version of it, as it was read. */
export interface LeaseVersion extends LeaseRecord {
  readonly resourceVersion: string;
  /** What is not ours in it stays as it is. */
  readonly object: KubeObject;
}

/** How long a Lease is respected that does not say, in ms. */
const durationDefaultMs = 15_000;
/** Longest, in ms: a typing error in it must not leave a mesh without a leader for a day. */
const durationMaxMs = 60_000;
/** Longest address that is believed, in characters. */
const addressMax = 64;

/** Never throws: people with rights may have written anything. */
export function readLease(object: KubeObject): LeaseVersion {
  const spec = (object['spec'] ?? {}) as Record<string, unknown>;
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = spec;
  const annotations = object.metadata.annotations ?? {};
  const term = Number(annotations[termAnnotation]);
  const address = annotations[addressAnnotation];
  const holder = typeof holderIdentity === 'string' ? holderIdentity : '';
  const seconds = Number(leaseDurationSeconds);
  const isFree = holder === '' && leaseDurationSeconds === undefined;
  const durationMs = seconds > 0 ? Math.min(seconds * 1_000, durationMaxMs) : durationDefaultMs;
  return {
    ...{ holder, durationMs: isFree ? 0 : durationMs },
    transitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
    term: isTerm(term) ? term : 0,
    ...(address === undefined || address.length > addressMax ? {} : { address }),
    ...{ resourceVersion: object.metadata.resourceVersion ?? '', object },
  };
}

/** Whether it is a term, and one may follow it. */
export function isTerm(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value < Number.MAX_SAFE_INTEGER;
}

/** @param over the version that is replaced; undefined: there is none yet. @param nowMs epoch ms, for people. */
export function writeLease(record: LeaseRecord, over: LeaseVersion | undefined, nowMs: number): KubeObject {
  const metadata = over?.object.metadata ?? { name: leaseName, namespace: systemNamespace };
  const { [addressAnnotation]: _former, ...annotations } = metadata.annotations ?? {};
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, 'app.kubernetes.io/part-of': 'coffre' },
      annotations: {
        ...annotations,
        [termAnnotation]: String(record.term),
        ...(record.address === undefined ? {} : { [addressAnnotation]: record.address }),
      },
    },
    spec: {
      holderIdentity: record.holder,
      ...(record.durationMs === 0 ? {} : { leaseDurationSeconds: record.durationMs / 1_000 }),
      leaseTransitions: record.transitions,
      renewTime: new Date(nowMs).toISOString().replace('Z', '000Z'),
    },
  };
}

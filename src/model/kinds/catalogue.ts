/** Every kind that is read, by name: where it lives in an API, whose it is, and its schema. */
import type { TSchema } from 'typebox';
import { type AccessPolicyObject, accessPolicySchema } from './access-policy.ts';
import { type DrillObject, drillSchema } from './drill.ts';
import { type DrillConsentObject, drillConsentSchema } from './drill-consent.ts';
import { type EndpointSliceObject, endpointSliceSchema } from './endpoint-slice.ts';
import { type GrantObject, grantSchema } from './grant.ts';
import { type HttpRouteObject, httpRouteSchema } from './http-route.ts';
import { type MeshObject, meshSchema } from './mesh.ts';
import { type NamespaceObject, namespaceSchema } from './namespace.ts';
import { type NodeObject, nodeSchema } from './node.ts';
import { type PodObject, podSchema } from './pod.ts';
import { type ReferenceGrantObject, referenceGrantSchema } from './reference-grant.ts';
import { type ServiceObject, serviceSchema } from './service.ts';
import { type ServiceAccountObject, serviceAccountSchema } from './service-account.ts';
import { type TenantObject, tenantSchema } from './tenant.ts';
import { type TrafficPolicyObject, trafficPolicySchema } from './traffic-policy.ts';

export type KnownObject =
  | MeshObject
  | TenantObject
  | GrantObject
  | AccessPolicyObject
  | TrafficPolicyObject
  | DrillObject
  | DrillConsentObject
  | HttpRouteObject
  | ReferenceGrantObject
  | NamespaceObject
  | NodeObject
  | ServiceAccountObject
  | ServiceObject
  | PodObject
  | EndpointSliceObject;

export type Kind = KnownObject['kind'];
export type ObjectOfKind<K extends Kind> = Extract<KnownObject, { kind: K }>;

export interface KindDefinition {
  readonly kind: Kind;
  /** API group, empty for Kubernetes' core. */
  readonly group: string;
  readonly version: string;
  /** A file may say it too, and means the same. An API server that has it has `version` as well. */
  readonly laterVersion?: string;
  readonly scope: 'cluster' | 'namespaced';
  /**
   * `coffre`: unknown fields are errors. `kubernetes`: judged by an API server already, read as far as it is needed.
   * `gateway`: judged by an API server already, but by nobody who knows what is carried here: unknown fields are errors.
   */
  readonly owner: 'coffre' | 'kubernetes' | 'gateway';
  readonly schema: TSchema;
}

/** The API group of our own kinds. */
export const coffreGroup = 'coffre.dev';

const ours = { group: coffreGroup, version: 'v1alpha1', owner: 'coffre' } as const;
const core = { group: '', version: 'v1', owner: 'kubernetes' } as const;
const gateway = { group: 'gateway.networking.k8s.io', version: 'v1', owner: 'gateway' } as const;
const discovery = { group: 'discovery.k8s.io', version: 'v1', owner: 'kubernetes' } as const;

export const kinds: Readonly<Record<Kind, KindDefinition>> = {
  Mesh: { kind: 'Mesh', ...ours, scope: 'cluster', schema: meshSchema },
  Tenant: { kind: 'Tenant', ...ours, scope: 'cluster', schema: tenantSchema },
  Grant: { kind: 'Grant', ...ours, scope: 'namespaced', schema: grantSchema },
  AccessPolicy: { kind: 'AccessPolicy', ...ours, scope: 'namespaced', schema: accessPolicySchema },
  TrafficPolicy: { kind: 'TrafficPolicy', ...ours, scope: 'namespaced', schema: trafficPolicySchema },
  Drill: { kind: 'Drill', ...ours, scope: 'namespaced', schema: drillSchema },
  DrillConsent: { kind: 'DrillConsent', ...ours, scope: 'namespaced', schema: drillConsentSchema },
  HTTPRoute: { kind: 'HTTPRoute', ...gateway, scope: 'namespaced', schema: httpRouteSchema },
  ReferenceGrant: {
    kind: 'ReferenceGrant',
    ...gateway,
    version: 'v1beta1',
    laterVersion: 'v1',
    scope: 'namespaced',
    schema: referenceGrantSchema,
  },
  Namespace: { kind: 'Namespace', ...core, scope: 'cluster', schema: namespaceSchema },
  Node: { kind: 'Node', ...core, scope: 'cluster', schema: nodeSchema },
  ServiceAccount: { kind: 'ServiceAccount', ...core, scope: 'namespaced', schema: serviceAccountSchema },
  Service: { kind: 'Service', ...core, scope: 'namespaced', schema: serviceSchema },
  Pod: { kind: 'Pod', ...core, scope: 'namespaced', schema: podSchema },
  EndpointSlice: { kind: 'EndpointSlice', ...discovery, scope: 'namespaced', schema: endpointSliceSchema },
};

export function apiVersionOf({ group, version }: KindDefinition): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Whether objects of the kind may say that they are of this version. */
export function isReadAs(definition: KindDefinition, apiVersion: string): boolean {
  const { laterVersion } = definition;
  if (apiVersionOf(definition) === apiVersion) return true;
  return laterVersion !== undefined && apiVersionOf({ ...definition, version: laterVersion }) === apiVersion;
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(kinds, text);
}

/**
 * The meshes of the comparison: random ones, and one that has a rule of every kind.
 *
 * Grants that end have ended or end in a long time, and the configuration is compiled before the first end: so it is
 * Envoy's own clock that ends them, as with every control plane dead.
 */
import fc from 'fast-check';
import type { Snapshot, Workload } from '../../../src/model/snapshot.ts';
import { viewOf } from '../../../src/policy/view.ts';
import { documents, meshFrom, trustDomain } from '../../fixtures/mesh-from.ts';
import { type MeshObject, randomMesh, snapshotOf, tenants, yamlOf } from '../../fixtures/random-mesh.ts';

export type Kind = 'http' | 'tcp';

export interface World {
  readonly snapshot: Snapshot;
  /** Whose sidecar is asked. */
  readonly workload: Workload;
  readonly yaml: string;
}

/** When every configuration is compiled, in epoch ms: before any grant has ended. */
export const compiledMs = 0;
/** What the random meshes draw, and what it stands for here: long gone, and far away. */
const ends: Readonly<Record<string, string>> = {
  '2027-01-01T00:00:00.000Z': '2001-01-01T00:00:00.000Z',
  '2028-01-01T00:00:00.000Z': '2101-01-01T00:00:00.000Z',
};

/** @param kind of every port: the application behind the sidecar is the same for all of them. */
export function randomWorld(kind: Kind): fc.Arbitrary<World> {
  return fc
    .tuple(randomMesh(tenants, ['transparent'], []), fc.nat())
    .map(([drawn, index]): Partial<World> => {
      const objects = drawn.map((object) => rewritten(object, kind));
      const snapshot = snapshotOf(objects);
      const candidates = [...snapshot.workloads.values()].filter(
        (workload) => viewOf(snapshot, workload, compiledMs).inbound.length > 0,
      );
      const workload = candidates[index % candidates.length];
      // A failure tells the mesh as YAML, and only so.
      const shown = { [fc.toStringMethod]: () => 'the mesh below' };
      return { snapshot, yaml: yamlOf(objects), ...(workload && { workload }), ...shown };
    })
    .filter((world): world is World => world.workload !== undefined);
}

function rewritten(object: MeshObject, kind: Kind): MeshObject {
  const text = JSON.stringify(object, (key, value: unknown) => {
    if (key === 'authorization') return { mode: 'dynamicOnly' };
    if (key === 'notAfter') return ends[String(value)];
    if (key === 'ports' && Array.isArray(value) && object.kind === 'Service') {
      return value.map((port: object) => ({ ...port, appProtocol: kind }));
    }
    return value;
  });
  return JSON.parse(text) as MeshObject;
}

/** A rule of every kind that an emitter could get wrong. */
export function everyKindOfRule(): World {
  return writtenWorld(documents(surroundings('http'), rules));
}

/** An opaque port that another tenant was granted, for a time that is over. */
export function endedGrantOnBytes(): World {
  return writtenWorld(surroundings('tcp'));
}

function writtenWorld(yaml: string): World {
  const snapshot = meshFrom(yaml);
  const workload = snapshot.workloads.get('aurore/front');
  if (workload === undefined) throw new Error('there is no pod `front` in `aurore`');
  return { snapshot, workload, yaml };
}

const tenantNames = ['aurore', 'bastion', 'cipres'];
const pods: readonly (readonly [namespace: string, name: string, account: string, address: string])[] = [
  ['aurore', 'front', 'adele', '10.1.0.1'],
  ['aurore', 'back', 'anton', '10.1.0.2'],
  ['bastion', 'front', 'berthe', '10.2.0.1'],
  ['cipres', 'front', 'celia', '10.3.0.1'],
];

/** Three tenants, one service on one port, and a grant that has ended. */
const surroundings = (kind: Kind) =>
  documents(
    `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: dynamicOnly } }
`,
    ...tenantNames.map(
      (name) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: prod }
`,
    ),
    ...pods.map(
      ([namespace, name, account, address]) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { serviceAccountName: ${account} }
status: { podIPs: [{ ip: ${address} }], conditions: [{ type: Ready, status: "True" }] }
`,
    ),
    `
apiVersion: v1
kind: Service
metadata: { name: amber, namespace: aurore }
spec: { clusterIP: 10.96.1.1, selector: { app: front }, ports: [{ name: ${kind}, port: 80, targetPort: 8080 }] }
`,
    `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ended, namespace: aurore }
spec:
  from: { tenant: cipres }
  to: { service: amber }
  notAfter: "2001-01-01T00:00:00Z"
  reason: has ended
`,
  );

const rules = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: rules, namespace: aurore }
spec:
  allow:
    - from: { serviceAccounts: [adele, anton] }
      to: { methods: [GET, POST], paths: [/admin/*, /deeds] }
    - from: { serviceAccounts: [adele] }
      to: { paths: [/other] }
  deny:
    - from: { serviceAccounts: [anton] }
      to: { methods: [POST], paths: [/admin/x] }
    - to: { methods: [GET], paths: [/admin/] }
`,
  `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: living, namespace: aurore }
spec:
  from: { tenant: bastion, serviceAccounts: [berthe] }
  to: { service: amber, methods: [GET], paths: [/deeds/*] }
  notAfter: "2101-01-01T00:00:00Z"
  reason: reads deeds
`,
);

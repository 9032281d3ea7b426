/**
 * The standard mesh, as a source hands it to the loop: objects, and what one change makes of one of them.
 *
 *   standardMesh(1): 125 tenants ─▶ 8 services each ─▶ 10 pods each, of which 2 have a stream      250 grants, 200 policies
 *
 * A proxy sees all services of its tenant and those it is granted, so 8 of its own and 2 of others are tenants of 8: what
 * was meant as 50 tenants is 125 here, because 50 of 20 services would be 22 dependencies a proxy. One endpoint is seen by
 * 20 proxies on average: by 16 where nobody is granted the service, by 32 where a tenant is.
 *
 * Each change carries a number, its mark, in what it changes: in the address of an endpoint (`11.1ab.1cd.1ef`) or in a path
 * of a rule (`/mark-abcdef`). By it an ACK tells which change it answers, and a peer makes the same change of the same
 * bytes: marks are all of one length.
 */
import { evidenceCluster } from '../src/envoy/names.ts';
import { parseDocument } from '../src/model/parse-document.ts';
import { isOfKind, type SourcedObject, type ValidObject, validObject } from '../src/model/sourced-object.ts';
import { typeUrls } from '../src/xds/type-url.ts';

const tenantsAtOne = 125;
const servicesPerTenant = 8;
const podsPerService = 10;
const grantsPerTenant = 2;
/** Of the ten pods of a service, those with a stream. Their addresses never change. */
const streamedPods: readonly number[] = [8, 9];
/** Policies of one service each, beside one for each whole tenant. */
const servicePoliciesAtOne = 75;

export const benchTrustDomain = 'bench.test';
const servicePort = 80;
const podPort = 8_080;

/** Below it are the marks that a mesh begins with. */
export const firstMark = 10_000;
/** Marks have six digits. */
const markEnd = 1_000_000;

/** The mark in the address of the one cluster that every proxy has. */
export const commonMark = firstMark - 1;

/** `fan-out` is no change of an object: it moves one resource that every proxy holds, past the pipeline. */
export type ChangeKind = 'endpoint' | 'policy' | 'mesh-policy' | 'no-op' | 'fan-out';

/** One change, as our control plane is told of it and as a peer is. */
export interface Change {
  readonly kind: ChangeKind;
  /** Which service, policy or grant; of no meaning where all are changed. */
  readonly at: number;
  readonly mark: number;
  /** What it changes in a proxy, and in which proxies (indexes in `proxies`): nothing and nobody for `no-op`. */
  readonly typeUrl: string;
  readonly name: string;
  readonly nodes: readonly number[];
}

export interface BenchProxy {
  /** Workload key and node id. */
  readonly key: string;
  readonly tenant: string;
  readonly serviceAccount: string;
}

export interface StandardMesh {
  readonly tenants: number;
  readonly services: number;
  readonly proxies: readonly BenchProxy[];
  /** How many there are of what a change of this kind may be made at. */
  readonly places: Readonly<Record<ChangeKind, number>>;
  change(kind: ChangeKind, at: number, mark: number): Change;
}

/** What the mesh is, without its objects. @param scale 1 is the standard. */
export function standardMesh(scale: number): StandardMesh {
  const tenants = Math.max(grantsPerTenant + 1, Math.round(tenantsAtOne * scale));
  const services = tenants * servicesPerTenant;
  const servicePolicies = Math.min(tenants, Math.round(servicePoliciesAtOne * scale));
  const proxies = range(services).flatMap((service) =>
    streamedPods.map((pod) => ({
      key: `${tenantName(tenantOf(service))}/${podName(service, pod)}`,
      tenant: tenantName(tenantOf(service)),
      serviceAccount: serviceName(service),
    })),
  );
  const perTenant = servicesPerTenant * streamedPods.length;
  const ofTenant = (tenant: number) => range(perTenant).map((index) => tenant * perTenant + index);
  const granted = Map.groupBy(
    range(tenants).flatMap((caller) => grantsOf(caller, tenants)),
    ({ service }) => service,
  );
  return {
    tenants,
    services,
    proxies,
    places: { endpoint: services, policy: servicePolicies, 'mesh-policy': 1, 'no-op': tenants, 'fan-out': 1 },
    change(kind, at, mark) {
      if (mark < 0 || mark >= markEnd) throw new Error(`${mark} is no mark`);
      const route = { kind, at, mark, typeUrl: typeUrls.route, name: `in/${podPort}` };
      switch (kind) {
        case 'endpoint': {
          const callers = [tenantOf(at), ...(granted.get(at) ?? []).map(({ caller }) => caller)];
          const name = `${tenantName(tenantOf(at))}/${serviceName(at)}/${servicePort}`;
          return { kind, at, mark, typeUrl: typeUrls.endpoints, name, nodes: callers.flatMap(ofTenant) };
        }
        case 'policy':
          return { ...route, nodes: ofTenant(at).slice(0, streamedPods.length) };
        case 'mesh-policy':
          return { ...route, nodes: range(proxies.length) };
        case 'fan-out':
          return { kind, at, mark, typeUrl: typeUrls.endpoints, name: evidenceCluster, nodes: range(proxies.length) };
        case 'no-op':
          return { kind, at, mark, typeUrl: '', name: '', nodes: [] };
      }
    },
  };
}

/** The objects of a mesh, and their state as changes are made. */
export class MeshObjects {
  readonly #mesh: StandardMesh;
  readonly #objects: SourcedObject[];
  readonly #indexes: ReadonlyMap<string, number>;

  constructor(mesh: StandardMesh) {
    this.#mesh = mesh;
    this.#objects = objectsOf(mesh);
    this.#indexes = new Map(this.#objects.map(({ id }, index) => [id, index]));
  }

  /** As a source tells them: a new list after each change. */
  all(): readonly SourcedObject[] {
    return [...this.#objects];
  }

  /** @throws for what is no change of an object. */
  apply({ kind, at, mark }: Change): void {
    switch (kind) {
      case 'endpoint': {
        const id = `Pod/${tenantName(tenantOf(at))}/${podName(at, 0)}`;
        this.#replace(id, 'Pod', (pod) => ({
          ...pod,
          status: { ...pod.status, podIPs: [{ ip: markedAddress(mark) }] },
        }));
        break;
      }
      case 'policy':
        this.#mark(`AccessPolicy/${tenantName(at)}/service`, mark);
        break;
      case 'mesh-policy':
        for (const tenant of range(this.#mesh.tenants)) this.#mark(`AccessPolicy/${tenantName(tenant)}/all`, mark);
        break;
      case 'no-op': {
        const reason = `asked for the ${mark}th time`;
        this.#replace(`Grant/${tenantName(at)}/to-0`, 'Grant', (grant) => ({
          ...grant,
          spec: { ...grant.spec, reason },
        }));
        break;
      }
      case 'fan-out':
        throw new Error('no object says what is changed here');
    }
  }

  #mark(id: string, mark: number): void {
    this.#replace(id, 'AccessPolicy', (policy) => ({
      ...policy,
      spec: { ...policy.spec, deny: [{ to: { paths: [markedPath(mark)] } }] },
    }));
  }

  #replace<K extends 'Pod' | 'AccessPolicy' | 'Grant'>(
    id: string,
    kind: K,
    edit: (object: ValidObject<K>['object']) => ValidObject<K>['object'],
  ): void {
    const index = this.#indexes.get(id);
    const object = index === undefined ? undefined : this.#objects[index];
    if (index === undefined || object === undefined || !isOfKind(object, kind))
      throw new Error(`there is no \`${id}\``);
    this.#objects[index] = validObject(object, edit(object.object));
  }
}

function objectsOf({ tenants, places }: StandardMesh): SourcedObject[] {
  const texts = [meshText, ...range(tenants).map((tenant) => tenantText(tenant, tenants, tenant < places.policy))];
  return [...texts.flatMap(parsed), ...pods(tenants * servicesPerTenant)];
}

function parsed(text: string): readonly SourcedObject[] {
  const { objects, problems } = parseDocument(text, 'standard-mesh.yaml');
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`the standard mesh is not valid: ${problem.path}: ${problem.message}`);
  return objects;
}

/** One is read, and the others are like it: to read ten thousand takes longer than what is measured. */
function pods(services: number): readonly SourcedObject[] {
  const [first] = parsed(podText);
  if (first === undefined || !isOfKind(first, 'Pod')) throw new Error('the pod of the standard mesh is none');
  const { object, ref } = first;
  return range(services).flatMap((service) =>
    range(podsPerService).map((pod) => {
      const account = serviceName(service);
      const [name, namespace] = [podName(service, pod), tenantName(tenantOf(service))];
      const ip = pod === 0 ? markedAddress(service) : `10.${100 + pod}.${service >> 8}.${service & 255}`;
      return validObject(
        { ...first, ref: { ...ref, name, namespace } },
        {
          ...object,
          metadata: { ...object.metadata, name, namespace, labels: { app: account } },
          spec: { ...object.spec, serviceAccountName: account },
          status: { ...object.status, podIPs: [{ ip }] },
        },
      );
    }),
  );
}

const meshText = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${benchTrustDomain}, dns: { resolvers: [10.255.0.1] } }
`;

const podText = `
apiVersion: v1
kind: Pod
metadata: { name: any, namespace: any }
spec: { containers: [{ ports: [{ containerPort: ${podPort} }] }] }
status: { phase: Running, conditions: [{ type: Ready, status: "True" }] }
`;

function tenantText(tenant: number, tenants: number, hasServicePolicy: boolean): string {
  const services = range(servicesPerTenant).map((index) => tenant * servicesPerTenant + index);
  const [first = 0] = services;
  return [
    `{apiVersion: coffre.dev/v1alpha1, kind: Tenant, metadata: {name: ${tenantName(tenant)}}, spec: {environment: bench}}`,
    policyText(tenant, 'all', tenant, ''),
    ...(hasServicePolicy
      ? [policyText(tenant, 'service', tenant, `selector: {matchLabels: {app: ${serviceName(first)}}}, `)]
      : []),
    ...range(tenants)
      .flatMap((caller) => grantsOf(caller, tenants))
      .filter(({ service }) => tenantOf(service) === tenant)
      .map(({ caller, service }, index) => grantText(tenant, index, caller, service)),
    ...services.map(serviceText),
  ].join('\n---\n');
}

function policyText(tenant: number, name: string, mark: number, selector: string): string {
  const metadata = `{name: ${name}, namespace: ${tenantName(tenant)}}`;
  const deny = `[{to: {paths: [${markedPath(mark)}]}}]`;
  return `{apiVersion: coffre.dev/v1alpha1, kind: AccessPolicy, metadata: ${metadata}, spec: {${selector}deny: ${deny}}}`;
}

function grantText(tenant: number, index: number, caller: number, service: number): string {
  const metadata = `{name: to-${index}, namespace: ${tenantName(tenant)}}`;
  const spec = `{from: {tenant: ${tenantName(caller)}}, to: {service: ${serviceName(service)}}, reason: asked for}`;
  return `{apiVersion: coffre.dev/v1alpha1, kind: Grant, metadata: ${metadata}, spec: ${spec}}`;
}

function serviceText(service: number): string {
  const name = serviceName(service);
  const metadata = `{name: ${name}, namespace: ${tenantName(tenantOf(service))}}`;
  const ports = `[{name: http, port: ${servicePort}, targetPort: ${podPort}}]`;
  const spec = `{clusterIP: 10.240.${service >> 8}.${service & 255}, selector: {app: ${name}}, ports: ${ports}}`;
  return `{apiVersion: v1, kind: Service, metadata: ${metadata}, spec: ${spec}}`;
}

/** Two tenants after the caller open one service each to it. */
function grantsOf(caller: number, tenants: number): readonly { readonly caller: number; readonly service: number }[] {
  return range(grantsPerTenant).map((index) => {
    const owner = (caller + 1 + index) % tenants;
    return { caller, service: owner * servicesPerTenant + (index % servicesPerTenant) };
  });
}

function tenantOf(service: number): number {
  return Math.floor(service / servicesPerTenant);
}

function tenantName(tenant: number): string {
  return `tenant-${tenant}`;
}

function serviceName(service: number): string {
  return `service-${service}`;
}

function podName(service: number, pod: number): string {
  return `${serviceName(service)}-${pod}`;
}

export function markedAddress(mark: number): string {
  const digits = String(mark).padStart(6, '0');
  return `11.1${digits.slice(0, 2)}.1${digits.slice(2, 4)}.1${digits.slice(4)}`;
}

function markedPath(mark: number): string {
  return `/mark-${String(mark).padStart(6, '0')}`;
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/**
 * The objects of the standard mesh, as a source hands them to the loop, and what one change makes of one of them.
 *
 *   MeshObjects ──all()──▶ the loop        apply(change) ──▶ one object is another, all others are the same as before
 */
import { parseDocument } from '../src/model/parse-document.ts';
import { isOfKind, type SourcedObject, type ValidObject, validObject } from '../src/model/sourced-object.ts';
import {
  benchTrustDomain,
  type Change,
  grantsOf,
  markedAddress,
  markedPath,
  podName,
  podPort,
  podsPerService,
  range,
  type StandardMesh,
  serviceName,
  servicePort,
  servicesPerTenant,
  tenantName,
  tenantOf,
} from './standard-mesh.ts';

/** And their state as changes are made. */
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

/**
 * What a kubelet and a cluster's DNS would read of a mesh folder: which pods to run, and which names lead where.
 * Deliberately not our model: the lab plays the world around Coffre and must not share its mistakes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export interface MeshPodSpec {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  /** Where its application listens, if the mesh says so: under explicit capture. */
  readonly applicationAddress: string | undefined;
  /** Of its first container. */
  readonly image: string;
  /** Of its containers. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  /** Its namespace is a tenant's: it gets a sidecar and no other way out. */
  readonly intercepted: boolean;
}

export interface MeshWorld {
  readonly pods: readonly MeshPodSpec[];
  readonly dnsResolvers: readonly string[];
  /**
   * Names as one namespace sees them: `api`, `api.atelier`, `api.atelier.svc.cluster.local`. Of a headless service also
   * those of its pods, `db-0.db.atelier`; its own name leads to the first, as a hosts file knows one address a name.
   */
  hostsFor(namespace: string): ReadonlyMap<string, string>;
}

interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly selector?: Readonly<Record<string, string>>;
    readonly containers?: readonly {
      readonly image?: string;
      readonly ports?: readonly { containerPort: number; name?: string }[];
    }[];
    readonly dns?: { readonly resolvers?: readonly string[] };
  };
  readonly status?: { readonly podIPs?: readonly { readonly ip: string }[] };
}

export function readMeshWorld(folder: string): MeshWorld {
  const objects = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
    .map((document): KubernetesObject => document.toJS() ?? {});
  const tenants = new Set(objects.filter(({ kind }) => kind === 'Tenant').map(({ metadata }) => metadata?.name));
  const services = objects.filter(({ kind }) => kind === 'Service');
  return {
    pods: objects.filter(({ kind }) => kind === 'Pod').map((pod) => podSpec(pod, tenants)),
    dnsResolvers: objects.find(({ kind }) => kind === 'Mesh')?.spec?.dns?.resolvers ?? [],
    hostsFor: (namespace) => new Map(services.flatMap((service) => namesOf(service, objects, namespace))),
  };
}

function podSpec({ metadata, spec, status }: KubernetesObject, tenants: ReadonlySet<string | undefined>): MeshPodSpec {
  const { name = '', namespace = '' } = metadata ?? {};
  const ports = spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
  return {
    key: `${namespace}/${name}`,
    namespace,
    addresses: status?.podIPs?.map(({ ip }) => ip) ?? [],
    applicationAddress: metadata?.annotations?.['coffre.dev/application-address'],
    image: spec?.containers?.[0]?.image ?? '',
    ports: ports.map((port) => ({ name: port.name ?? '', port: port.containerPort })),
    intercepted: tenants.has(namespace),
  };
}

function namesOf(
  service: KubernetesObject,
  objects: readonly KubernetesObject[],
  seenFrom: string,
): [string, string][] {
  const { metadata, spec } = service;
  const { name = '', namespace = '' } = metadata ?? {};
  const address = spec?.clusterIPs?.[0] ?? spec?.clusterIP;
  if (address === undefined) return [];
  const full = [`${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
  const names = [...(namespace === seenFrom ? [name] : []), ...full];
  if (address !== 'None') return names.map((host) => [host, address]);
  const pods = objects.filter((object) => object.kind === 'Pod' && isSelected(object, service));
  const [first] = pods.flatMap(addressOf);
  return [
    ...(first === undefined ? [] : names.map((host): [string, string] => [host, first])),
    ...pods.flatMap((pod) =>
      addressOf(pod).flatMap((own) => names.map((host): [string, string] => [`${pod.metadata?.name}.${host}`, own])),
    ),
  ];
}

function isSelected(pod: KubernetesObject, { metadata, spec }: KubernetesObject): boolean {
  const wanted = Object.entries(spec?.selector ?? {});
  return (
    pod.metadata?.namespace === metadata?.namespace &&
    wanted.length > 0 &&
    wanted.every(([label, value]) => pod.metadata?.labels?.[label] === value)
  );
}

/** The primary address, or none. */
function addressOf({ status }: KubernetesObject): readonly string[] {
  return status?.podIPs?.slice(0, 1).map(({ ip }) => ip) ?? [];
}

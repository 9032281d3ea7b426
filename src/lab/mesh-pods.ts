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
  /** Of its containers. */
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  /** Its namespace is a tenant's: it gets a sidecar and no other way out. */
  readonly intercepted: boolean;
}

export interface MeshWorld {
  readonly pods: readonly MeshPodSpec[];
  readonly dnsResolvers: readonly string[];
  /** Names as one namespace sees them: `api`, `api.atelier`, `api.atelier.svc.cluster.local`. */
  hostsFor(namespace: string): ReadonlyMap<string, string>;
}

interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly containers?: readonly { readonly ports?: readonly { containerPort: number; name?: string }[] }[];
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
    hostsFor: (namespace) => new Map(services.flatMap((service) => namesOf(service, namespace))),
  };
}

function podSpec({ metadata, spec, status }: KubernetesObject, tenants: ReadonlySet<string | undefined>): MeshPodSpec {
  const { name = '', namespace = '' } = metadata ?? {};
  const ports = spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
  return {
    key: `${namespace}/${name}`,
    namespace,
    addresses: status?.podIPs?.map(({ ip }) => ip) ?? [],
    ports: ports.map((port) => ({ name: port.name ?? '', port: port.containerPort })),
    intercepted: tenants.has(namespace),
  };
}

function namesOf({ metadata, spec }: KubernetesObject, seenFrom: string): [string, string][] {
  const { name = '', namespace = '' } = metadata ?? {};
  const address = spec?.clusterIPs?.[0] ?? spec?.clusterIP;
  if (address === undefined || address === 'None') return [];
  const full = [`${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
  return [...(namespace === seenFrom ? [name] : []), ...full].map((host) => [host, address]);
}

/**
 * What kube-proxy does: connections to a service's address go to one of its ready endpoints, drawn anew for each.
 *
 *   Services, EndpointSlices ──serviceRules──▶ iptables-restore in the node's namespace
 */
import type { Cluster } from '../harness/cluster.ts';
import { follow } from './follow.ts';
import type { NodeNetwork } from './node-network.ts';

interface Service {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
  };
}

interface EndpointSlice {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
  readonly endpoints?:
    | readonly {
        readonly addresses: readonly string[];
        readonly hostname?: string;
        readonly conditions?: { readonly ready?: boolean };
      }[]
    | null;
}

const serviceNameLabel = 'kubernetes.io/service-name';

/** @returns table `nat`. A service without an endpoint that is ready refuses, as one of kube-proxy's does. */
function serviceRules(services: Iterable<Service>, slices: Iterable<EndpointSlice>): string {
  const ofService = Map.groupBy(slices, serviceKeyOf);
  const chains: string[] = [];
  const rules: string[] = [];
  for (const { metadata, spec } of services) {
    const { clusterIP, ports = [] } = spec;
    if (clusterIP === undefined || clusterIP === '' || clusterIP === 'None') continue;
    for (const { name = '', port, protocol = 'TCP' } of ports) {
      const targets = targetsOf(ofService.get(`${metadata.namespace}/${metadata.name}`) ?? [], name);
      if (protocol !== 'TCP' || targets.length === 0) continue;
      const chain = `SVC${chains.length}`;
      chains.push(`:${chain} - [0:0]`);
      rules.push(`-A PREROUTING -d ${clusterIP}/32 -p tcp --dport ${port} -j ${chain}`);
      for (const [index, target] of targets.entries()) {
        const left = targets.length - index;
        const drawn = left === 1 ? '' : `-m statistic --mode random --probability ${(1 / left).toFixed(6)} `;
        rules.push(`-A ${chain} -p tcp ${drawn}-j DNAT --to-destination ${target}`);
        // One that is led back to itself would see itself come, and not believe it.
        const address = `${target.split(':')[0]}/32`;
        rules.push(`-A POSTROUTING -s ${address} -d ${address} -j MASQUERADE`);
      }
    }
  }
  const bases = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `:${chain} ACCEPT [0:0]`);
  return `${['*nat', ...bases, ...chains, ...rules, 'COMMIT'].join('\n')}\n`;
}

/** Names for `/etc/hosts`, in place of a DNS server: services, and pods of a headless one by their own names. */
function hostsText(services: Iterable<Service>, slices: Iterable<EndpointSlice>): string {
  const lines = ['127.0.0.1 localhost', '::1 localhost'];
  for (const { metadata, spec } of services) {
    if (spec.clusterIP !== undefined && spec.clusterIP !== 'None' && spec.clusterIP !== '') {
      lines.push(`${spec.clusterIP} ${namesOf(metadata.name, metadata.namespace)}`);
    }
  }
  for (const slice of slices) {
    for (const { hostname, addresses } of slice.endpoints ?? []) {
      const [namespace = '', service = ''] = serviceKeyOf(slice).split('/');
      if (hostname !== undefined) lines.push(`${addresses[0]} ${namesOf(`${hostname}.${service}`, namespace)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

export interface ServiceProxy {
  close(): Promise<void>;
}

/** @param named is told the text of `/etc/hosts` as it changes. */
export function startServiceProxy(
  cluster: Cluster,
  { translate }: NodeNetwork,
  named: (hosts: string) => void,
): ServiceProxy {
  let inForce = '';
  const look = () => {
    const rules = serviceRules(services.items.values(), slices.items.values());
    if (rules !== inForce) translate(rules);
    inForce = rules;
    named(hostsText(services.items.values(), slices.items.values()));
  };
  const services = follow<Service>(cluster, '/api/v1/services', look);
  const slices = follow<EndpointSlice>(cluster, '/apis/discovery.k8s.io/v1/endpointslices', look);
  return {
    async close() {
      await services.close();
      await slices.close();
    },
  };
}

function serviceKeyOf({ metadata: { namespace, labels } }: EndpointSlice): string {
  return `${namespace}/${labels?.[serviceNameLabel] ?? ''}`;
}

function targetsOf(slices: readonly EndpointSlice[], portName: string): readonly string[] {
  return slices.flatMap(({ ports, endpoints }) => {
    const port = ports?.find(({ name = '' }) => name === portName)?.port;
    if (port === undefined) return [];
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses }) => addresses.slice(0, 1).map((address) => `${address}:${port}`));
  });
}

function namesOf(name: string, namespace: string): string {
  return [`${name}.${namespace}.svc.cluster.local`, `${name}.${namespace}.svc`, `${name}.${namespace}`].join(' ');
}

/**
 * Where an application finds what it may call, for whatever it finds names with: a hosts file, or a program of its own.
 *
 * Names that a cluster's DNS knows are not among them under interception: there they lead to virtual addresses already.
 */
import type { ExternalService } from '../model/snapshot.ts';
import type { OutboundPort, ProxyView } from './view.ts';

export interface AddressBookEntry {
  /** What the application dials. */
  readonly address: string;
  readonly port: number;
  /** As the application is to speak to its sidecar. */
  readonly protocol: OutboundPort['protocol'] | ExternalService['protocol'];
  /** All that lead there, the shortest first. */
  readonly names: readonly string[];
}

export function addressBookOf({
  workload,
  outbound,
  external,
}: Pick<ProxyView, 'workload' | 'outbound' | 'external'>): readonly AddressBookEntry[] {
  const inside = workload.capture === 'explicit' ? outbound : [];
  return [
    ...inside.flatMap((port) =>
      port.virtualIps.map((address) => ({
        address,
        port: port.port,
        protocol: port.protocol,
        names: namesOf(port, workload.tenant),
      })),
    ),
    ...external.map(({ virtualIp, port, protocol, name }) => ({ address: virtualIp, port, protocol, names: [name] })),
  ];
}

/** One line for each address and name, each once. */
export function hostsText(entries: readonly AddressBookEntry[]): string {
  const lines = entries.flatMap(({ address, names }) => names.map((name) => `${address} ${name}\n`));
  return [...new Set(lines)].join('');
}

/** The names of Kubernetes; in the own tenant also the service's alone. Of one pod: its own name before each. */
function namesOf({ service, pod }: OutboundPort, tenant: string): readonly string[] {
  const [namespace = '', name = ''] = service.split('/');
  const full = [`${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
  const names = namespace === tenant ? [name, ...full] : full;
  if (pod === undefined) return names;
  const [, podName = ''] = pod.split('/');
  return names.map((host) => `${podName}.${host}`);
}

/**
 * What the cluster's objects say that a pod's verdict hangs on, beside the snapshot: services that are no tenant's, and labels.
 *
 *   objects ──viewOf──▶ addresses of the control plane and of DNS, keys of labels by which pods are chosen
 */
import { isOfKind, type SourcedObject } from '../../model/sourced-object.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { webhookService } from './webhook-configurations.ts';

/** Kubernetes' own names for its DNS. */
const dnsService = { namespace: 'kube-system', name: 'kube-dns' } as const;
/** Of the port of the control plane's Service at which sidecars ask. */
const xdsPortName = 'xds';

export interface MeshView {
  /** Where sidecars ask; undefined while the cluster has no such service with an address. */
  readonly controlPlane: { readonly address: string; readonly port: number } | undefined;
  readonly dns: readonly string[];
  /** Keys of labels by which services and policies of the namespace choose their pods. */
  selectingLabels(namespace: string): ReadonlySet<string>;
}

export function viewOf(objects: readonly SourcedObject[]): MeshView {
  const labels = new Map<string, Set<string>>();
  let controlPlane: MeshView['controlPlane'];
  let dns: readonly string[] = [];
  for (const object of objects) {
    const { namespace, name } = object.ref;
    addTo(labels, namespace, Object.keys(selectorOf(object) ?? {}));
    if (!isOfKind(object, 'Service')) continue;
    const { clusterIP, clusterIPs, ports } = object.object.spec;
    const addresses = (clusterIPs ?? [clusterIP]).filter(
      (each) => each !== undefined && each !== '' && each !== 'None',
    );
    if (namespace === systemNamespace && name === webhookService.name) {
      const [address] = addresses;
      const port = ports?.find((each) => each.name === xdsPortName)?.port;
      if (address !== undefined && port !== undefined) controlPlane = { address, port };
    }
    if (namespace === dnsService.namespace && name === dnsService.name) dns = addresses.flatMap((each) => each ?? []);
  }
  return { controlPlane, dns, selectingLabels: (namespace) => labels.get(namespace) ?? none };
}

const none: ReadonlySet<string> = new Set();

/** Of what chooses pods; a policy that nobody understands still chooses. */
function selectorOf(object: SourcedObject): Readonly<Record<string, string>> | undefined {
  if (object.kind === 'broken') return object.scope.selector;
  if (isOfKind(object, 'Service')) return object.object.spec.selector;
  return isOfKind(object, 'AccessPolicy') ? object.object.spec.selector?.matchLabels : undefined;
}

function addTo(labels: Map<string, Set<string>>, namespace: string, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const known = labels.get(namespace) ?? new Set();
  for (const key of keys) known.add(key);
  labels.set(namespace, known);
}

/**
 * Who shares a node with a tenant that wants its nodes for itself.
 *
 *   pods of each namespace ──▶ its residents, by node ──▶ of each dedicated tenant: a stranger on each node that has one
 *
 * A pod counts for as long as it runs, whoever wrote it and whether anybody understands it; so do pods of namespaces that
 * are no tenant's. The dedicated tenant's pod is the one that loses: its tenant asked that its keys lie on no node with
 * somebody else, and the stranger promised nothing. The other way round a tenant could cut off whom it lands beside.
 */
import { dedicatedTaint } from '../dedicated-taint.ts';
import { quote } from '../quote.ts';
import type { Tenant } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import { systemNamespace } from '../system-namespace.ts';
import type { Inventory } from './inventory.ts';
import type { Built } from './part.ts';

/** By node, a pod of one namespace that is there: the first by name. */
export type Residents = ReadonlyMap<string, string>;

/** By node, a pod that is there and should not be, as `namespace/name`. */
export type Strangers = ReadonlyMap<string, string>;

/** Namespaces of whatever runs on every node: who writes there owns the nodes. */
export const neverStrangers: readonly string[] = ['kube-system', systemNamespace];

export const noStrangers: Strangers = new Map();

export function residentsIn(own: Inventory): Residents {
  const residents = new Map<string, string>();
  const running = own.of('Pod').flatMap(({ ref, object: { spec, status } }) => {
    const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    return hasEnded ? [] : [{ name: ref.name, node: spec.nodeName }];
  });
  const broken = own.brokenPods.map(({ ref, node }) => ({ name: ref.name, node }));
  for (const { name, node } of [...running, ...broken]) {
    if (node !== undefined && !residents.has(node)) residents.set(node, name);
  }
  return residents;
}

/** @param residents of all namespaces. */
export function strangersTo(tenant: Tenant, residents: Built<Residents>): Strangers {
  const { name, nodesSharedWith } = tenant;
  const own = residents.of(name);
  if (own === undefined || nodesSharedWith === undefined) return noStrangers;
  const strangers = new Map<string, string>();
  for (const [namespace, others] of residents.entries()) {
    if (namespace === name || nodesSharedWith.has(namespace)) continue;
    for (const node of own.keys()) {
      const pod = others.get(node);
      if (pod !== undefined && !strangers.has(node)) strangers.set(node, `${namespace}/${pod}`);
    }
  }
  return strangers;
}

/** @returns why the pod of a tenant with dedicated nodes gets no identity where it runs. */
export function neighbourFinding(
  { ref, object }: ValidObject<'Pod'>,
  strangers: Strangers,
): Omit<Finding, 'severity'> | undefined {
  const { nodeName } = object.spec;
  const own = quote(`${ref.namespace}/${ref.name}`);
  if (nodeName === undefined) {
    return {
      code: 'shared-node',
      path: 'spec.nodeName',
      message: `the nodes of ${quote(ref.namespace)} are its own and nobody knows where ${own} runs, so it gets no identity`,
      advice: 'name the node that it runs on',
    };
  }
  const stranger = strangers.get(nodeName);
  if (stranger === undefined) return undefined;
  return {
    code: 'shared-node',
    path: 'spec.nodeName',
    message: `${own} shares the node ${quote(nodeName)} with ${quote(stranger)}, and its tenant shares nodes with nobody: it gets no identity while that lasts`,
    advice: `move ${quote(stranger)} elsewhere and taint the node with \`${dedicatedTaint}=${ref.namespace}:NoExecute\` so that it stays away, or name its namespace in \`spec.dedicatedNodes.sharedWith\` of the tenant`,
  };
}

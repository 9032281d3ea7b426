/**
 * Who may do what: the control plane exactly what its rooms say they need, the workers nothing, and people what is theirs.
 *
 *   …Rules of each room ──▶ ClusterRole coffre          …NamespaceRules ──▶ Role coffre, in `coffre-system` alone
 *
 * Nothing is granted here that no room asks for: a verb without a use is a way in. The roles of people are aggregated to
 * Kubernetes' own, so whoever may edit a namespace may consent for its tenant, and nobody else may.
 */

import { coffreGroup } from '../../model/kinds/catalogue.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { attestRules } from '../attest/token-review.ts';
import { type OurKind, resourceFacts } from '../crds/resource-facts.ts';
import { informRules } from '../inform/resource.ts';
import { keepRules, networkPolicyRules } from '../keep/kept-kind.ts';
import { leaseNamespaceRules } from '../lease/lease-object.ts';
import type { KubeObject } from '../objects.ts';
import { peopleRules, rolesResource } from '../people/people-signer.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { secretNamespaceRules } from '../secrets/state-secret.ts';
import { statusRules } from '../status/status-rules.ts';
import { volumeRules } from '../volumes/volume-webhook.ts';
import { webhookRules } from '../webhook/webhook-configurations.ts';
import { clusterMetadata, controlPlaneName, metadata } from './parts.ts';

/** By room. */
export const roomRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  inform: informRules,
  keep: keepRules,
  networkPolicies: networkPolicyRules,
  attest: attestRules,
  people: peopleRules,
  status: statusRules,
  volumes: volumeRules,
  webhook: webhookRules,
};
/** By room: in `coffre-system` alone. */
export const roomNamespaceRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  lease: leaseNamespaceRules,
  secrets: secretNamespaceRules,
};

const rbac = 'rbac.authorization.k8s.io';
const reading = ['get', 'list', 'watch'];
const writing = [...reading, 'create', 'update', 'patch', 'delete'];
/** By which a tenant says for itself what may come in, what is done with it, and what it takes part in. */
const tenantsOwn: readonly OurKind[] = ['Grant', 'AccessPolicy', 'TrafficPolicy', 'DrillConsent'];
const everyKind = Object.keys(resourceFacts) as readonly OurKind[];

export const roles: readonly KubeObject[] = [
  role('ClusterRole', clusterMetadata(controlPlaneName), merged(Object.values(roomRules).flat())),
  binding('ClusterRoleBinding', 'ClusterRole', clusterMetadata(controlPlaneName)),
  role('Role', metadata(controlPlaneName), merged(Object.values(roomNamespaceRules).flat())),
  binding('RoleBinding', 'Role', metadata(controlPlaneName)),
  role('ClusterRole', aggregated('coffre-tenant-editor', 'edit', 'admin'), [ruleFor(tenantsOwn, writing)]),
  role('ClusterRole', aggregated('coffre-viewer', 'view'), [ruleFor(everyKind, reading)]),
  role('ClusterRole', clusterMetadata('coffre-drill-operator'), [ruleFor(['Drill'], writing), mayBear('game-master')]),
];

function role(kind: 'ClusterRole' | 'Role', about: KubeObject['metadata'], rules: readonly PolicyRule[]): KubeObject {
  return { apiVersion: `${rbac}/v1`, kind, metadata: about, rules };
}

function binding(kind: string, roleKind: string, about: KubeObject['metadata']): KubeObject {
  return {
    apiVersion: `${rbac}/v1`,
    kind,
    metadata: about,
    roleRef: { apiGroup: rbac, kind: roleKind, name: about.name },
    subjects: [{ kind: 'ServiceAccount', name: controlPlaneName, namespace: systemNamespace }],
  };
}

function aggregated(name: string, ...to: readonly string[]): KubeObject['metadata'] {
  const { labels, ...rest } = clusterMetadata(name);
  return {
    ...rest,
    labels: { ...labels, ...Object.fromEntries(to.map((each) => [`${rbac}/aggregate-to-${each}`, 'true'])) },
  };
}

function ruleFor(of: readonly OurKind[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [coffreGroup], resources: of.map((kind) => resourceFacts[kind].plural), verbs };
}

/** At the management door. */
function mayBear(role: string): PolicyRule {
  return { apiGroups: [coffreGroup], resources: [rolesResource], resourceNames: [role], verbs: ['use'] };
}

/** One rule for the resources of a group that bear the same verbs: two rooms may ask for one thing, and it is granted once. */
function merged(rules: readonly PolicyRule[]): PolicyRule[] {
  const verbsOf = new Map<string, Set<string>>();
  for (const { apiGroups, resources, resourceNames = [], verbs } of rules) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        const key = JSON.stringify([group, resource, resourceNames.toSorted()]);
        verbsOf.set(key, new Set([...(verbsOf.get(key) ?? []), ...verbs]));
      }
    }
  }
  const one = [...verbsOf].map(([key, verbs]) => {
    const [group, resource, names] = JSON.parse(key) as [string, string, string[]];
    return { group, resource, names, verbs: [...verbs].sort() };
  });
  const alike = Map.groupBy(one, ({ group, names, verbs }) => JSON.stringify([group, names, verbs]));
  return [...alike.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { group, names, verbs } = first;
    const resources = [first, ...others].map(({ resource }) => resource).sort();
    return [{ apiGroups: [group], resources, ...(names.length === 0 ? {} : { resourceNames: names }), verbs }];
  });
}

/**
 * Everything that an installation of Coffre consists of in a cluster, in the order in which it is applied.
 *
 *   values ──▶ definitions ▸ namespace ▸ accounts, rights ▸ services ▸ workloads ▸ mesh ▸ admission
 *
 * What judges the writes of others comes last, when there is somebody to answer; an uninstallation takes it away first.
 */
import { customResourceDefinitions } from '../crds/custom-resource-definitions.ts';
import { admissionPolicies } from '../keep/admission-policies.ts';
import type { KubeObject } from '../objects.ts';
import { webhookConfigurations } from '../webhook/webhook-configurations.ts';
import { authzDeployment } from './authz-deployment.ts';
import { controlPlaneSet } from './control-plane-set.ts';
import { disruptionBudgets, namespaceObject, priorityClass, serviceAccounts } from './foundations.ts';
import { networkPolicies } from './network-policies.ts';
import { keepAnnotation } from './parts.ts';
import { roles } from './roles.ts';
import { services } from './services.ts';
import type { Values } from './values.ts';

/** The same in every installation, and applied before what is not. */
export const definitions: readonly KubeObject[] = customResourceDefinitions().map(asObject);
export const foundations: readonly KubeObject[] = [
  namespaceObject,
  priorityClass,
  ...networkPolicies,
  ...serviceAccounts,
  ...roles,
  ...services,
  ...disruptionBudgets,
];

export function installation(values: Values): readonly KubeObject[] {
  return [
    ...definitions,
    ...foundations,
    controlPlaneSet(values),
    authzDeployment(values),
    ...meshOf(values),
    ...admissionPolicies,
    ...webhooksOf(values.webhooks.exemptNamespaces),
  ];
}

/** Who says no trust domain writes the Mesh, and says more in it. It outlives an uninstallation, as whatever people wrote. */
function meshOf({ trustDomain }: Values): readonly KubeObject[] {
  if (trustDomain === undefined) return [];
  return [
    {
      apiVersion: 'coffre.dev/v1alpha1',
      kind: 'Mesh',
      metadata: { name: 'default', annotations: { [keepAnnotation]: 'keep' } },
      spec: { trustDomain },
    },
  ];
}

/** Whom they believe the control plane writes into them, since only it knows its root. */
export function webhooksOf(exempt: readonly string[]): readonly KubeObject[] {
  return webhookConfigurations({ rootPem: undefined, exempt }).map(asObject);
}

/** As JSON has it: what is undefined is not there. */
function asObject(object: object): KubeObject {
  return JSON.parse(JSON.stringify(object)) as KubeObject;
}

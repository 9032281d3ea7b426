/** What the objects of an installation say in common: names, labels, ports. */
import { coffreGroup, kinds } from '../../model/kinds/catalogue.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { resourceFacts } from '../crds/resource-facts.ts';

/** Of the control plane: StatefulSet, Service, ServiceAccount. */
export const controlPlaneName = 'coffre';
/** Of the workers: Deployment, Service, ServiceAccount. */
export const authzName = 'coffre-authz';
/** Headless: by it each replica of the control plane has a name of its own. */
export const replicasName = 'coffre-replicas';
export const priorityName = 'coffre-critical';

/** Where the control plane listens, by what is asked there. */
export const ports = { xds: 15_012, admin: 15_014, evidence: 15_015, webhook: 15_017, peers: 15_018 } as const;
/** Where a worker listens. */
export const authzPort = 15_016;
/** Where kubelets ask both. */
export const healthPort = 15_019;
/** Time for others to hear that a pod goes, before it is told to stop, in s: API servers, sidecars, workers, replicas. */
export const leaveSeconds = 5;

export const partOf = { 'app.kubernetes.io/part-of': 'coffre' } as const;
/** Whom an uninstallation leaves where it is, in Helm's word for it. */
export const keepAnnotation = 'helm.sh/resource-policy';

/** By which the pods of one part are selected: never changed, since a StatefulSet's selector cannot be. */
export function selectorOf(name: string) {
  return { 'app.kubernetes.io/name': name } as const;
}

export const meshCollection = {
  group: coffreGroup,
  version: kinds.Mesh.version,
  plural: resourceFacts.Mesh.plural,
} as const;

/** Of an object in no namespace. */
export function clusterMetadata(name: string) {
  return { name, labels: partOf } as const;
}

export function metadata(name: string) {
  return { name, namespace: systemNamespace, labels: partOf } as const;
}

/** Where an API server keeps each object of an installation. */
import { resourceFacts } from '../crds/resource-facts.ts';
import type { Collection, KubeObject } from '../objects.ts';

/** Of every kind that an installation has. */
const plurals: Readonly<Record<string, string>> = {
  CustomResourceDefinition: 'customresourcedefinitions',
  Namespace: 'namespaces',
  PriorityClass: 'priorityclasses',
  NetworkPolicy: 'networkpolicies',
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Service: 'services',
  PodDisruptionBudget: 'poddisruptionbudgets',
  StatefulSet: 'statefulsets',
  Deployment: 'deployments',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
  ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
  Mesh: resourceFacts.Mesh.plural,
};

export function collectionOf({ apiVersion = '', kind = '', metadata }: KubeObject): Collection {
  const plural = plurals[kind];
  if (plural === undefined) throw new Error(`nobody said where an API server keeps a \`${kind}\``);
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { group, version, plural, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) };
}

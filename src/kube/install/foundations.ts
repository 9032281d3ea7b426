/** What everything else of an installation stands on: the namespace, who its pods are, and how they are kept. */
import { systemNamespace } from '../../model/system-namespace.ts';
import type { KubeObject } from '../objects.ts';
import {
  authzName,
  clusterMetadata,
  controlPlaneName,
  keepAnnotation,
  metadata,
  partOf,
  priorityName,
  selectorOf,
} from './parts.ts';

/** Below Kubernetes' own, and above whatever the mesh serves: without it no pod of a tenant begins. The highest that is free. */
const priority = 1_000_000_000;

/** It outlives an uninstallation: the keys of every tenant's certificates lie in it. */
export const namespaceObject: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: systemNamespace,
    labels: {
      ...partOf,
      ...Object.fromEntries(
        ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
      ),
    },
    annotations: { [keepAnnotation]: 'keep' },
  },
};

export const priorityClass: KubeObject = {
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: clusterMetadata(priorityName),
  value: priority,
  description: 'Without Coffre no pod of a tenant begins, and none gets a new certificate.',
};

/** A token for the API server is in the control plane's pods alone, and they ask for it. */
export const serviceAccounts: readonly KubeObject[] = [controlPlaneName, authzName].map((name) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: metadata(name),
  automountServiceAccountToken: false,
}));

/** Nodes are emptied one replica after another. */
export const disruptionBudgets: readonly KubeObject[] = [controlPlaneName, authzName].map((name) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(name),
  spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(name) } },
}));

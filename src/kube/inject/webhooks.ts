/**
 * Which requests are to be put to `mutatePod`, which to `validatePod`: the rules of the two webhook configurations;
 * and those to `validateConfigMap`.
 * All fail closed. The mutating one is to be called again after others (`IfNeeded`), which may have added containers.
 */
import { meshConfigMapName } from './names.ts';

export const mutatingRules = [
  { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
] as const;

export const validatingRules = [
  {
    apiGroups: [''],
    apiVersions: ['v1'],
    operations: ['CREATE', 'UPDATE'],
    resources: ['pods', 'pods/ephemeralcontainers', 'pods/resize'],
    scope: 'Namespaced',
  },
  {
    apiGroups: [''],
    apiVersions: ['v1'],
    operations: ['CONNECT'],
    resources: ['pods/exec', 'pods/attach'],
    scope: 'Namespaced',
  },
] as const;

export const configMapRules = [
  {
    apiGroups: [''],
    apiVersions: ['v1'],
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources: ['configmaps'],
    scope: 'Namespaced',
  },
] as const;

/** CEL of the webhook's matchConditions: a namespace's other ConfigMaps are not kept waiting. A request that deletes a whole collection bears no name. */
export const configMapCondition = `(object != null ? object : oldObject).metadata.name == '${meshConfigMapName}'`;

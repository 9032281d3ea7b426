/**
 * Which requests are to be put to `mutatePod` and which to `validatePod`: the rules of the two webhook configurations.
 *
 * Both fail closed. The mutating one is to be called again after others (`IfNeeded`), which may have added containers.
 */

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

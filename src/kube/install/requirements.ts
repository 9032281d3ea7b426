/**
 * What a cluster must be to take Coffre. The oldest that knows all we ask of it: sidecars as init containers and
 * ValidatingAdmissionPolicy (1.30), addresses in the CEL of definitions (1.31).
 */
export const kubernetesMin = { major: 1, minor: 31 } as const;

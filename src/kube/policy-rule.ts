/** One rule of a Kubernetes role: which verbs on which resources. */
export interface PolicyRule {
  /** Empty text for Kubernetes' core. */
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

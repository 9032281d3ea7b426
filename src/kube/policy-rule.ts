/** One rule of a Kubernetes role: which verbs on which resources. */
export interface PolicyRule {
  /** Empty text for Kubernetes' core. */
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** Of these names only; absent means of any. Nothing can be listed, watched or made by name. */
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

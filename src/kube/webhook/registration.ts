/** The parts of `admissionregistration.k8s.io/v1` by which an API server learns whom to ask, and about what. */

/** One webhook, less where it is and by whom it is vouched for. */
export interface Webhook {
  readonly name: string;
  readonly rules: readonly WebhookRule[];
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly matchPolicy: 'Equivalent';
  readonly sideEffects: 'None';
  readonly timeoutSeconds: number;
  readonly admissionReviewVersions: readonly ['v1'];
  readonly namespaceSelector?: { readonly matchExpressions: readonly object[] };
  /** All must hold. CEL over `object`, `oldObject` and `request`. */
  readonly matchConditions?: readonly MatchCondition[];
  /** Of a mutating one: whether it is called again after others changed the object. */
  readonly reinvocationPolicy?: 'IfNeeded';
}

export interface WebhookRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT')[];
  readonly resources: readonly string[];
  readonly scope?: 'Namespaced' | 'Cluster';
}

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

export interface ClientConfig {
  readonly service: {
    readonly namespace: string;
    readonly name: string;
    readonly port: number;
    readonly path: string;
  };
  /** PEM in base64; absent until there is a CA: an API server that believes nobody asks nobody, and refuses. */
  readonly caBundle?: string;
}

export interface WebhookConfiguration {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly webhooks: readonly (Webhook & { readonly clientConfig: ClientConfig })[];
}

/** What every webhook of ours has in common. It takes no look at anything outside the process: half of a bound that a person waits out. */
export const webhookDefaults = {
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  failurePolicy: 'Fail',
  matchPolicy: 'Equivalent',
  timeoutSeconds: 5,
} as const satisfies Partial<Webhook>;

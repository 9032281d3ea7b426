/**
 * The webhook configurations, whole: whom an API server asks, and about what.
 *
 *   what each judge is asked about ─┐
 *   where the webhooks are ─────────┴─▶ MutatingWebhookConfiguration, ValidatingWebhookConfiguration
 *
 * All of them fail closed but one (`object-webhooks.ts`). What a control plane needs to come up again when everything was down
 * asks nobody: its own namespace and Kubernetes' are left out by their names, which nobody can give away or take
 * (`kubernetes.io/metadata.name` is the API server's own label); and so are those that the installation names, where the
 * network of the nodes or the drivers of their disks come from.
 */
import { coffreGroup } from '../../model/kinds/catalogue.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { resourceFacts } from '../crds/resource-facts.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { volumeWebhooks } from '../volumes/volume-webhook.ts';
import { trustConfigMap } from './client-trust.ts';
import { consentedWebhook, consentWebhook, meshWebhook, objectWebhook } from './object-webhooks.ts';
import { configMapWebhook, injectWebhook, namespaceWebhook, podWebhook, stepWebhook } from './pod-webhooks.ts';
import type { Webhook, WebhookConfiguration } from './registration.ts';

/** Where each judge listens. */
export const webhookPaths = {
  inject: '/inject',
  consents: '/consents',
  pods: '/pods',
  configMaps: '/config-maps',
  namespaces: '/namespaces',
  objects: '/objects',
  volumes: '/volumes',
} as const;
export type WebhookPath = (typeof webhookPaths)[keyof typeof webhookPaths];

/** Service of the control plane in its namespace, and its port for API servers. */
export const webhookService = { name: 'coffre', port: 443 } as const;
/** Name by which API servers know its certificate. */
export const webhookServerName = `${webhookService.name}.${systemNamespace}.svc`;
/** Of both configurations. */
const webhookConfigurationName = 'coffre';

export interface WebhookConfigurationsOf {
  /** Of the mesh's root, PEM; undefined before there is one. */
  readonly rootPem: string | undefined;
  /** Namespaces beside our own and Kubernetes' about which nobody is asked; none of them can be a tenant's. */
  readonly exempt?: readonly string[];
}

export function webhookConfigurations({ rootPem, exempt = [] }: WebhookConfigurationsOf): WebhookConfiguration[] {
  const namespaceSelector = {
    matchExpressions: [
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: exemptNamespaces(exempt),
      },
    ],
  };
  const at = (path: WebhookPath, ...webhooks: readonly Webhook[]) =>
    webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: {
        service: { ...webhookService, namespace: systemNamespace, path },
        ...(rootPem === undefined ? {} : { caBundle: Buffer.from(rootPem).toString('base64') }),
      },
    }));
  const inNamespaces = (webhook: Webhook): Webhook => ({ ...webhook, namespaceSelector });
  const common = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    metadata: { name: webhookConfigurationName, labels: { 'app.kubernetes.io/part-of': 'coffre' } },
  } as const;
  return [
    {
      ...common,
      kind: 'MutatingWebhookConfiguration',
      webhooks: [
        ...at(webhookPaths.inject, inNamespaces(injectWebhook)),
        ...at(webhookPaths.consents, inNamespaces(consentWebhook)),
      ],
    },
    {
      ...common,
      kind: 'ValidatingWebhookConfiguration',
      webhooks: [
        ...at(webhookPaths.pods, inNamespaces(podWebhook), inNamespaces(stepWebhook)),
        ...at(webhookPaths.configMaps, inNamespaces(configMapWebhook)),
        // These say by their own conditions whom they leave out: what lives in no namespace is exempted by none.
        ...at(webhookPaths.namespaces, namespaceWebhook),
        ...at(webhookPaths.objects, objectWebhook, consentedWebhook, meshWebhook),
        ...at(webhookPaths.volumes, ...volumeWebhooks),
      ],
    },
  ];
}

/** About whose pods nobody is asked: none of them can be a tenant's. */
export function exemptNamespaces(exempt: readonly string[]): string[] {
  return [...new Set(['kube-system', systemNamespace, ...exempt])];
}

/** What the control plane must be allowed: to keep them in step, not to make them, and to look up two things. */
export const webhookRules: readonly PolicyRule[] = [
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
    resourceNames: [webhookConfigurationName],
    verbs: ['get', 'patch'],
  },
  // By whom API servers are vouched for as clients.
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [trustConfigMap.name], verbs: ['get'] },
  // A tenant that is younger than what was last heard.
  { apiGroups: [coffreGroup], resources: [resourceFacts.Tenant.plural], verbs: ['get'] },
];

/**
 * What an API server takes and a folder refuses, by name and with an example each: the webhook refuses it there. There is
 * nothing the other way round.
 */
import type { OurKind } from '../../../src/kube/crds/resource-facts.ts';

interface WebhookRule {
  readonly kind: OurKind;
  /** Of the field in which the folder finds its problem. */
  readonly path: RegExp;
  readonly why: string;
  /** A field of the complete object, and a value in it that the API server takes. */
  readonly example: { readonly at: readonly (string | number)[]; readonly value: string };
}

const urlParser = 'what makes a URL unusable is said by the parser that will read it, and CEL has another';
const checker = 'a condition is typed by a checker of ours';
const noCondition = 'request.path';

export const webhookRules: readonly WebhookRule[] = [
  {
    kind: 'AccessPolicy',
    path: /^spec\.(allow|deny)\[\d+\]\.when$/,
    why: checker,
    example: { at: ['spec', 'allow', 0, 'when'], value: noCondition },
  },
  {
    kind: 'Grant',
    path: /^spec\.when$/,
    why: checker,
    example: { at: ['spec', 'when'], value: noCondition },
  },
  {
    kind: 'Tenant',
    path: /^spec\.egress\[\d+\]\.caBundle$/,
    why: 'CEL reads no certificates',
    example: { at: ['spec', 'egress', 0, 'caBundle'], value: '-----BEGIN CERTIFICATE-----' },
  },
  {
    kind: 'Mesh',
    path: /^spec\.drills\.prometheusUrl$/,
    why: urlParser,
    example: { at: ['spec', 'drills', 'prometheusUrl'], value: 'http://host.example:65536' },
  },
  {
    kind: 'Mesh',
    path: /^spec\.drills\.probeTargets\[\d+\]$/,
    why: urlParser,
    example: { at: ['spec', 'drills', 'probeTargets', 0], value: 'http://1.2.3.999' },
  },
  {
    kind: 'Mesh',
    path: /^spec\.evidence\.sinks\[\d+\]\.to\.http\.url$/,
    why: urlParser,
    example: { at: ['spec', 'evidence', 'sinks', 2, 'to', 'http', 'url'], value: 'http://2130706434.example/' },
  },
  {
    kind: 'Drill',
    path: /^spec\.steadyState\[\d+\]\.source\.http\.url$/,
    why: urlParser,
    example: { at: ['spec', 'steadyState', 1, 'source', 'http', 'url'], value: 'https://%zz/' },
  },
];

export function isForTheWebhook(kind: OurKind, path: string): boolean {
  return webhookRules.some((rule) => rule.kind === kind && rule.path.test(path));
}

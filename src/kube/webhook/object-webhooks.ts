/**
 * When an API server asks about objects of our own: what they mean beside all others, and who consented.
 *
 * The mesh itself is the exception: its trust domain is what the control plane has its CA by, so a mesh that only a control
 * plane could let in would never have one, and a mistake in it that stops every control plane could not be mended.
 */
import { coffreGroup, kinds } from '../../model/kinds/catalogue.ts';
import { ourKinds } from '../crds/custom-resource-definitions.ts';
import { type OurKind, resourceFacts } from '../crds/resource-facts.ts';
import { type Webhook, type WebhookRule, webhookDefaults } from './registration.ts';

/** Kinds by which people consent to something across the wall: each tells who did. */
export const consentKinds: ReadonlySet<string> = new Set<OurKind>(['Grant', 'DrillConsent']);

/** What is only labelled, or let go of, is nobody's business. */
const written = {
  name: 'what-is-written',
  expression: "request.operation == 'CREATE' || object.spec != oldObject.spec",
};
/** Who consented stands in an annotation. */
const consented = {
  name: 'what-is-consented',
  expression: `${written.expression} || object.metadata.?annotations != oldObject.metadata.?annotations`,
};

export const consentWebhook: Webhook = {
  name: 'consents.coffre.dev',
  ...webhookDefaults,
  rules: [ruleFor(ourKinds.filter((kind) => consentKinds.has(kind)))],
  matchConditions: [consented],
  reinvocationPolicy: 'IfNeeded',
};

export const objectWebhook: Webhook = {
  name: 'objects.coffre.dev',
  ...webhookDefaults,
  rules: [ruleFor(ourKinds.filter((kind) => kind !== 'Mesh' && !consentKinds.has(kind)))],
  matchConditions: [written],
};

export const consentedWebhook: Webhook = {
  name: 'consented.coffre.dev',
  ...webhookDefaults,
  rules: consentWebhook.rules,
  matchConditions: [consented],
};

export const meshWebhook: Webhook = {
  name: 'mesh.coffre.dev',
  ...webhookDefaults,
  failurePolicy: 'Ignore',
  rules: [ruleFor(['Mesh'])],
  matchConditions: [written],
};

function ruleFor(of: readonly OurKind[]): WebhookRule {
  return {
    apiGroups: [coffreGroup],
    apiVersions: [...new Set(of.map((kind) => kinds[kind].version))],
    operations: ['CREATE', 'UPDATE'],
    resources: of.map((kind) => resourceFacts[kind].plural),
  };
}

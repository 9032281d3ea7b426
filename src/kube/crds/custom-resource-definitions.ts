/**
 * The CustomResourceDefinitions of our kinds, made from the schemas by which objects are read anywhere else.
 *
 *   kinds (model) ─┬─ schema ───▶ structural schema ◀─── rules for an API server
 *                  └─ scope          └─▶ names, columns, status ─▶ CustomResourceDefinition
 *
 * What the API server refuses is refused in a folder too, always; the other way round but for the few rules that no CEL
 * of a definition can say, which are left to the webhook.
 */
import { coffreGroup, kinds } from '../../model/kinds/catalogue.ts';
import type { CustomResourceDefinition, StructuralSchema } from './crd.ts';
import type { FieldRule } from './field-rule.ts';
import { commonColumns, type OurKind, resourceFacts } from './resource-facts.ts';
import { accessPolicyRules } from './rules/access-policy.ts';
import { drillRules } from './rules/drill.ts';
import { drillConsentRules } from './rules/drill-consent.ts';
import { grantRules } from './rules/grant.ts';
import { meshRules } from './rules/mesh.ts';
import { tenantRules } from './rules/tenant.ts';
import { trafficPolicyRules } from './rules/traffic-policy.ts';
import { statusSchema } from './status-schema.ts';
import { type SourceSchema, structuralSchema } from './structural-schema.ts';

const rules: Readonly<Record<OurKind, readonly FieldRule[]>> = {
  Mesh: meshRules,
  Tenant: tenantRules,
  Grant: grantRules,
  AccessPolicy: accessPolicyRules,
  TrafficPolicy: trafficPolicyRules,
  Drill: drillRules,
  DrillConsent: drillConsentRules,
};

/** Every kind of `coffre.dev`, in the order of the catalogue. */
export const ourKinds: readonly OurKind[] = Object.values(kinds)
  .map(({ kind }) => kind)
  .filter(isOurKind);

export function customResourceDefinitions(): CustomResourceDefinition[] {
  return ourKinds.map(customResourceDefinition);
}

function isOurKind(kind: string): kind is OurKind {
  return Object.hasOwn(resourceFacts, kind);
}

function customResourceDefinition(kind: OurKind): CustomResourceDefinition {
  const { version, scope } = kinds[kind];
  const { plural, shortNames, columns } = resourceFacts[kind];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${coffreGroup}`, labels: { 'app.kubernetes.io/part-of': 'coffre' } },
    spec: {
      group: coffreGroup,
      scope: scope === 'cluster' ? 'Cluster' : 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        singular: kind.toLowerCase(),
        plural,
        ...(shortNames === undefined ? {} : { shortNames }),
        categories: ['coffre'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [...columns, ...commonColumns],
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

/** The API server looks after `metadata`, but for names that are narrower than its own. */
function rootSchema(kind: OurKind): StructuralSchema {
  const { description = '', properties = {} }: SourceSchema = kinds[kind].schema;
  const part = (name: string, source = properties[name]) => {
    if (source === undefined) throw new Error(`the schema of \`${kind}\` has no \`${name}\``);
    return structuralSchema(
      source,
      name,
      rules[kind].filter(({ at }) => at.startsWith(name)),
    );
  };
  const { description: _words, ...nameLimits } = part('metadata.name', properties['metadata']?.properties?.['name']);
  return {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: part('apiVersion'),
      kind: part('kind'),
      ...(kinds[kind].scope === 'cluster' ? { metadata: { type: 'object', properties: { name: nameLimits } } } : {}),
      spec: part('spec'),
      status: statusSchema(kind),
    },
  };
}

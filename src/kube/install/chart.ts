/**
 * A Helm chart that yields what `installation` yields: packed when it is asked for, since most of it is made of schemas.
 *
 *   schema of the values ──▶ values.yaml, values.schema.json       kinds ──▶ crds/
 *   what is the same in every installation ──▶ templates/fixed.yaml
 *   written by hand, for what the values change ──▶ templates/*.yaml; a test holds them to the builders, object by object
 *
 * Helm renders whatever it finds in a template, so text of ours that looks like an action of Helm's is said by one.
 */
import { stringify } from 'yaml';
import { admissionPolicies } from '../keep/admission-policies.ts';
import type { KubeObject } from '../objects.ts';
import { defaultValues } from './default-values.ts';
import { definitions, foundations, webhooksOf } from './installation.ts';
import { kubernetesMin } from './requirements.ts';
import { valuesSchema } from './values.ts';
import { valuesYaml } from './values-yaml.ts';

/** Stands in the webhooks for the namespaces that the values exempt; no namespace can have this name. */
const exemptMark = 'EXEMPT';
/** Draft that Helm knows, and whose words are those of our schemas. */
const schemaDialect = 'http://json-schema.org/draft-07/schema#';

/**
 * @param handwritten templates by name.
 * @returns each file's text by its path in the chart.
 */
export function chartFiles(handwritten: ReadonlyMap<string, string>, version: string): ReadonlyMap<string, string> {
  return new Map([
    ['Chart.yaml', manifest([chartOf(version)])],
    ['values.yaml', valuesYaml(valuesSchema, defaultValues)],
    ['values.schema.json', `${JSON.stringify({ $schema: schemaDialect, ...valuesSchema }, undefined, 2)}\n`],
    ...definitions.map((each): [string, string] => [`crds/${each.metadata.name}.yaml`, manifest([each])]),
    ['templates/fixed.yaml', asTemplate(manifest([...foundations, ...admissionPolicies]))],
    ['templates/webhooks.yaml', exempting(asTemplate(manifest(webhooksOf([exemptMark]))))],
    ...[...handwritten].map(([name, text]): [string, string] => [`templates/${name}`, text]),
  ]);
}

/** Objects as YAML, one document each. */
export function manifest(objects: readonly (KubeObject | object)[]): string {
  return objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' }))
    .join('---\n');
}

function chartOf(version: string): object {
  return {
    apiVersion: 'v2',
    name: 'coffre',
    description: 'A zero-trust control plane for Envoy: one vault per tenant, no plaintext, every refusal explained.',
    type: 'application',
    version,
    appVersion: version,
    kubeVersion: `>=${kubernetesMin.major}.${kubernetesMin.minor}.0-0`,
  };
}

function asTemplate(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}

/** The mark's lines become a loop; what is exempted anyway is not named again. */
function exempting(template: string): string {
  return template.replaceAll(
    new RegExp(`^( *)- ${exemptMark}$`, 'gm'),
    '$1{{- range without (uniq .Values.webhooks.exemptNamespaces) "kube-system" "coffre-system" }}\n$1- {{ quote . }}\n$1{{- end }}',
  );
}

/** What is registered with an API server, before one is asked. */
import { describe, expect, test } from 'vitest';
import { consentKinds } from '../../../src/kube/webhook/object-webhooks.ts';
import { webhookConfigurations, webhookPaths, webhookRules } from '../../../src/kube/webhook/webhook-configurations.ts';

const configurations = webhookConfigurations({ rootPem: 'the root', exempt: ['calico-system'] });
const webhooks = configurations.flatMap((each) => each.webhooks);

test('SEC-46 every webhook fails closed within five seconds, but for the mesh that a control plane starts with', () => {
  expect(webhooks.filter(({ failurePolicy }) => failurePolicy !== 'Fail').map(({ name }) => name)).toEqual([
    'mesh.coffre.dev',
  ]);
  for (const { timeoutSeconds, sideEffects, matchPolicy, admissionReviewVersions } of webhooks) {
    expect(timeoutSeconds).toBeLessThanOrEqual(5);
    expect({ sideEffects, matchPolicy }).toEqual({ sideEffects: 'None', matchPolicy: 'Equivalent' });
    expect(admissionReviewVersions).toEqual(['v1']);
  }
});

describe('SEC-46 nobody is left out by a label that somebody could write', () => {
  test('namespaces are told apart by their names alone', () => {
    const selectors = webhooks.flatMap(({ namespaceSelector }) => namespaceSelector ?? []);
    expect(selectors.length).toBeGreaterThan(0);
    for (const { matchExpressions } of selectors) {
      const values = ['kube-system', 'coffre-system', 'calico-system'];
      expect(matchExpressions).toEqual([{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values }]);
    }
  });

  test('what lives in no namespace bears conditions instead of a selector', () => {
    const clusterWide = ['namespaces.coffre.dev', 'mesh.coffre.dev', 'volumes.coffre.dev', 'objects.coffre.dev'];
    for (const name of clusterWide) {
      const webhook = webhooks.find((each) => each.name === name);
      expect(webhook?.namespaceSelector).toBeUndefined();
      expect(webhook?.matchConditions?.length, name).toBeGreaterThan(0);
    }
  });
});

test('every path is asked at, and each by the control plane’s service', () => {
  const services = webhooks.map(({ clientConfig: { service } }) => service);
  expect(new Set(services.map(({ path }) => path))).toEqual(new Set(Object.values(webhookPaths)));
  for (const { namespace, name, port } of services) {
    expect({ namespace, name, port }).toEqual({ namespace: 'coffre-system', name: 'coffre', port: 443 });
  }
});

test('the root is there in base64, or there is none before there is a CA', () => {
  const caBundle = Buffer.from('the root').toString('base64');
  expect(webhooks.every(({ clientConfig }) => clientConfig.caBundle === caBundle)).toBe(true);
  const before = webhookConfigurations({ rootPem: undefined }).flatMap((each) => each.webhooks);
  expect(before.some(({ clientConfig }) => 'caBundle' in clientConfig)).toBe(false);
});

test('every kind by which people consent is asked about twice: to be signed, and to be judged', () => {
  const resourcesOf = (name: string) => webhooks.find((each) => each.name === name)?.rules[0]?.resources;
  expect(resourcesOf('consents.coffre.dev')).toEqual(['grants', 'drillconsents']);
  expect(resourcesOf('consented.coffre.dev')).toEqual(['grants', 'drillconsents']);
  expect(consentKinds.size).toBe(2);
});

test('the control plane may change its own two configurations and nobody else’s', () => {
  const changing = webhookRules.filter(({ verbs }) => verbs.some((verb) => verb !== 'get'));
  expect(changing.map(({ resourceNames, verbs }) => ({ resourceNames, verbs }))).toEqual([
    { resourceNames: ['coffre'], verbs: ['get', 'patch'] },
  ]);
  expect(configurations.map(({ metadata }) => metadata.name)).toEqual(['coffre', 'coffre']);
});

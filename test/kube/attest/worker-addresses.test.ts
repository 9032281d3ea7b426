/** Where sidecars are told that the authorization workers are. */
import { expect, test } from 'vitest';
import { workerAddresses } from '../../../src/kube/attest/worker-addresses.ts';
import { objectsFrom } from '../../fixtures/mesh-from.ts';

interface SliceSaid {
  readonly namespace?: string;
  readonly service?: string;
  readonly addressType?: string;
  readonly endpoints: readonly (readonly [address: string, ready?: boolean])[];
  readonly ports?: readonly object[];
}

function addressesIn(...slices: readonly SliceSaid[]) {
  const docs = slices.map(({ namespace = 'coffre-system', service = 'coffre-authz', ...slice }, index) => ({
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: slice.addressType ?? 'IPv4' },
    metadata: { namespace, name: `slice-${index}`, labels: { 'kubernetes.io/service-name': service } },
    endpoints: slice.endpoints.map(([address, ready]) => ({ addresses: [address], conditions: { ready } })),
    ports: slice.ports ?? [{ name: 'grpc', port: 15_016 }],
  }));
  return workerAddresses(objectsFrom(docs.map((doc) => JSON.stringify(doc)).join('\n---\n'))).map(
    ({ address, port }) => `${address}:${port}`,
  );
}

test('every ready worker is named once, in an order of its own', () => {
  const endpoints = [['10.0.0.9'], ['10.0.0.5', true], ['10.0.0.7', false]] as const;
  expect(addressesIn({ endpoints }, { endpoints: [['10.0.0.5', true]] })).toEqual(['10.0.0.5:15016', '10.0.0.9:15016']);
});

test('where none is ready all are named: each sidecar asks them itself', () => {
  expect(
    addressesIn({
      endpoints: [
        ['10.0.0.5', false],
        ['10.0.0.7', false],
      ],
    }),
  ).toEqual(['10.0.0.5:15016', '10.0.0.7:15016']);
});

test.each([
  ['of another service', { service: 'coffre' }],
  ['of somebody else’s namespace', { namespace: 'shop' }],
  ['of names', { addressType: 'FQDN' }],
  ['without a port', { ports: [] }],
])('a slice %s names nobody', (_, slice) => {
  expect(addressesIn({ endpoints: [['10.0.0.5', true]], ...slice })).toEqual([]);
});

test('no more are named than every sidecar can ask', () => {
  const endpoints = Array.from({ length: 100 }, (_, index) => [`10.0.1.${index}`, true] as const);
  expect(addressesIn({ endpoints })).toHaveLength(64);
});

/** What a peer sends is a request that is bounded, or none. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import {
  clientFeatures,
  nackMessageMax,
  nodeNameUnitsMax,
  nonceUnitsMax,
  typeUrlUnitsMax,
} from '../../src/xds/limits.ts';
import { decodeDeltaRequest, decodeSotwRequest } from '../../src/xds/request.ts';

type Init = MessageInitShape<typeof DiscoveryRequestSchema> & MessageInitShape<typeof DeltaDiscoveryRequestSchema>;

const protocols = {
  sotw: (init: Init) => decodeSotwRequest(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, init))),
  delta: (init: Init) =>
    decodeDeltaRequest(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init))),
};

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  const decode = protocols[kind];

  test.each([
    ['type_url is missing', {}],
    ['type_url is too long', { typeUrl: 't'.repeat(typeUrlUnitsMax + 1) }],
    ['node id or cluster is too long', { typeUrl: 't', node: { id: 'n'.repeat(nodeNameUnitsMax + 1) } }],
    ['node id or cluster is too long', { typeUrl: 't', node: { id: 'n', cluster: 'c'.repeat(nodeNameUnitsMax + 1) } }],
  ])('%s', (why, init) => {
    expect(decode(init)).toEqual({ kind: 'malformed', why });
  });

  test('names as long as they may be are taken', () => {
    const node = { id: 'n'.repeat(nodeNameUnitsMax), cluster: 'c'.repeat(nodeNameUnitsMax) };
    expect(decode({ typeUrl: 't'.repeat(typeUrlUnitsMax), node })).toMatchObject({ kind: 'ok', node });
  });

  test('of a node nothing is kept but its name and its features, and of those no more than there can be', () => {
    const features = Array.from({ length: clientFeatures.max + 1 }, (_, index) => `f${index}`);
    const node = { id: 'n', cluster: 'c', userAgentName: 'envoy', metadata: { much: 'x' }, clientFeatures: features };
    expect(decode({ typeUrl: 't', node })).toMatchObject({
      node: { id: 'n', cluster: 'c', clientFeatures: features.slice(0, clientFeatures.max) },
    });
    const long = { id: 'n', clientFeatures: ['f'.repeat(clientFeatures.unitsMax + 1), 'short'] };
    const decoded = decode({ typeUrl: 't', node: long });
    expect(decoded.kind === 'ok' && decoded.node).toEqual({ id: 'n', cluster: '', clientFeatures: ['short'] });
  });

  test('a long nonce and a long refusal are cut', () => {
    const errorDetail = { code: 3, message: 'm'.repeat(nackMessageMax + 1) };
    const decoded = decode({ typeUrl: 't', responseNonce: '1'.repeat(nonceUnitsMax + 1), errorDetail });
    const request = decoded.kind === 'ok' ? decoded.request : undefined;
    expect(request?.nonce).toHaveLength(nonceUnitsMax);
    expect(request?.error?.message).toHaveLength(nackMessageMax);
  });
});

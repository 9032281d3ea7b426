/** What a peer sends is a request that is bounded, or none. */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
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

const word = fc.string({ unit: 'binary', maxLength: 40 });
const words = fc.array(word, { maxLength: 5 });
/** `id` and `cluster` are text, and so are what nobody reads: locality, extensions, metadata. */
const node = fc.record(
  {
    id: word,
    cluster: word,
    clientFeatures: words,
    userAgentName: word,
    locality: fc.record({ region: word, zone: word }),
    extensions: fc.array(fc.record({ name: word, category: word }), { maxLength: 3 }),
    metadata: fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);
const status = fc.record({ code: fc.integer({ min: -5, max: 20 }), message: word }, { requiredKeys: [] });
const init = fc.record(
  {
    typeUrl: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    versionInfo: word,
    resourceNames: words,
    resourceNamesSubscribe: words,
    resourceNamesUnsubscribe: words,
    initialResourceVersions: fc.dictionary(word, word, { maxKeys: 5 }),
    responseNonce: fc.string({ maxLength: 10 }),
    errorDetail: status,
    node,
  },
  { requiredKeys: ['typeUrl'] },
);

/** Two messages one after the other are one that is merged: what every protobuf reader does. */
const pairs = fc.tuple(init, init);

test('a SotW request says what a protobuf library reads in it', () => {
  fc.assert(
    fc.property(pairs, (both) => {
      const bytes = Buffer.concat(
        both.map((each) => toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, each))),
      );
      const message = fromBinary(DiscoveryRequestSchema, bytes);
      expect(decodeSotwRequest(bytes)).toEqual({
        kind: 'ok',
        node: nodeOf(message),
        request: {
          typeUrl: message.typeUrl,
          names: message.resourceNames,
          namesCount: message.resourceNames.length,
          version: message.versionInfo,
          nonce: message.responseNonce,
          error: message.errorDetail && { code: message.errorDetail.code, message: message.errorDetail.message },
        },
      });
    }),
  );
});

test('a delta request says what a protobuf library reads in it', () => {
  fc.assert(
    fc.property(pairs, (both) => {
      const bytes = Buffer.concat(
        both.map((each) => toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, each))),
      );
      const message = fromBinary(DeltaDiscoveryRequestSchema, bytes);
      const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe } = message;
      const initialVersions = new Map(Object.entries(message.initialResourceVersions));
      expect(decodeDeltaRequest(bytes)).toEqual({
        kind: 'ok',
        node: nodeOf(message),
        request: {
          typeUrl: message.typeUrl,
          ...{ subscribe, unsubscribe, initialVersions },
          namesCount: subscribe.length + unsubscribe.length + initialVersions.size,
          nonce: message.responseNonce,
          error: message.errorDetail && { code: message.errorDetail.code, message: message.errorDetail.message },
        },
      });
    }),
  );
});

test('a request that is cut off, or whose text is no UTF-8, is none', () => {
  const message = create(DeltaDiscoveryRequestSchema, {
    typeUrl: 't',
    node: { id: 'n' },
    resourceNamesSubscribe: ['ab'],
  });
  const bytes = toBinary(DeltaDiscoveryRequestSchema, message);
  const malformed = { kind: 'malformed', why: 'request is not a discovery request' };
  expect(decodeDeltaRequest(bytes).kind).toBe('ok');
  expect(decodeDeltaRequest(bytes.subarray(0, -1))).toEqual(malformed);
  // A node that says it ends inside the next field, and a name that is half a character.
  expect(decodeDeltaRequest(Buffer.from('0a04' + '0a016e' + '120174', 'hex'))).toEqual(malformed);
  expect(decodeDeltaRequest(Buffer.from('120174' + '1a01c3', 'hex'))).toEqual(malformed);
});

function nodeOf(message: { readonly node?: { id: string; cluster: string; clientFeatures: string[] } | undefined }) {
  const { node: read } = message;
  return read && { id: read.id, cluster: read.cluster, clientFeatures: read.clientFeatures };
}

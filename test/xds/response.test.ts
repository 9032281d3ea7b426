/** Our joined bytes are the bytes a protobuf library writes. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema, DiscoveryResponseSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Send } from '../../src/xds/order.ts';
import { encodeDeltaResponse, encodeSotwResponse } from '../../src/xds/response.ts';
import { resource } from './resources.ts';

const word = fc.string({ unit: 'binary', maxLength: 300 });
const sends: fc.Arbitrary<Send> = fc.record({
  typeUrl: word,
  nonce: word,
  version: word,
  revision: word,
  resources: fc.array(fc.tuple(word, word).map(([name, content]) => resource('type.googleapis.com/t', name, content))),
  removed: fc.array(word.filter((name) => name !== '')),
});

test('a SotW response is what protobuf-es writes', () => {
  fc.assert(
    fc.property(sends, (send) => {
      const { typeUrl, nonce, version: versionInfo } = send;
      const resources = send.resources.map(({ any }) => fromBinary(AnySchema, any));
      const controlPlane = { identifier: 'id' };
      const message = create(DiscoveryResponseSchema, { typeUrl, nonce, versionInfo, resources, controlPlane });
      expect(encodeSotwResponse(send, 'id')).toEqual(Buffer.from(toBinary(DiscoveryResponseSchema, message)));
    }),
  );
});

test('a delta response reads as what was meant', () => {
  fc.assert(
    fc.property(sends, (send) => {
      const { typeUrl, nonce, version: systemVersionInfo } = send;
      const removedResources = [...send.removed];
      const resources = send.resources.map(({ name, version, any }) => ({
        name,
        version,
        resource: fromBinary(AnySchema, any),
      }));
      const fields = {
        typeUrl,
        nonce,
        systemVersionInfo,
        resources,
        removedResources,
        controlPlane: { identifier: 'id' },
      };
      const message = create(DeltaDiscoveryResponseSchema, fields);
      // protobuf-es orders the fields of a resource otherwise, so both are read and written by it once.
      const read = fromBinary(DeltaDiscoveryResponseSchema, encodeDeltaResponse(send, 'id'));
      expect(toBinary(DeltaDiscoveryResponseSchema, read)).toEqual(toBinary(DeltaDiscoveryResponseSchema, message));
    }),
  );
});

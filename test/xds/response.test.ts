/** Our joined bytes are the bytes a protobuf library writes. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack, durationFromMs } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Send } from '../../src/xds/order.ts';
import { type Resource, withTtl } from '../../src/xds/resource.ts';
import { deltaBody, Response, type ResponseBody, sotwBody } from '../../src/xds/response.ts';
import { resource } from './resources.ts';

const word = fc.string({ unit: 'binary', maxLength: 300 });
/** Up to some weeks; most resources have none. */
const ttlMs = fc.option(fc.integer({ min: 1, max: 4_000_000_000 }), { nil: undefined, freq: 2 });
const named = fc.tuple(word, word, ttlMs).map(([name, content, ttl]) => {
  const plain = resource('type.googleapis.com/t', name, content);
  return ttl === undefined ? plain : withTtl(plain, ttl);
});
const sends: fc.Arbitrary<Send> = fc.record({
  typeUrl: word,
  nonce: word,
  version: word,
  revision: word,
  form: fc.constantFrom('plain', 'whole', 'heartbeat'),
  resources: fc.array(named),
  removed: fc.array(word.filter((name) => name !== '')),
});

/** `Resource` as this form of a response carries it. */
function carried({ name, version, any, ttlMs: ms }: Resource, form: Send['form']) {
  return {
    name,
    version,
    ...(form === 'heartbeat' ? {} : { resource: fromBinary(AnySchema, any) }),
    ...(form === 'plain' || ms === undefined ? {} : { ttl: durationFromMs(ms) }),
  };
}

/** As the transport copies it, behind five bytes of its own. */
function whole(body: ResponseBody, { nonce }: Send): Buffer {
  const response = new Response(body, nonce);
  const target = Buffer.alloc(response.byteLength + 5);
  expect(response.copy(target, 5)).toBe(response.byteLength);
  return target.subarray(5);
}

/** The same response with its wrappers written by protobuf-es, which orders their fields otherwise. */
function canonical(bytes: Uint8Array): Buffer {
  const message = fromBinary(DiscoveryResponseSchema, bytes);
  message.resources = message.resources.map((any) => {
    const wrapper = anyUnpack(any, ResourceSchema);
    return wrapper === undefined ? any : anyPack(ResourceSchema, wrapper);
  });
  return Buffer.from(toBinary(DiscoveryResponseSchema, message));
}

test('a SotW response reads as what was meant', () => {
  fc.assert(
    fc.property(sends, (send) => {
      const { typeUrl, nonce, version: versionInfo } = send;
      const resources = send.resources.map((each) =>
        send.form === 'plain' || each.ttlMs === undefined
          ? fromBinary(AnySchema, each.any)
          : anyPack(ResourceSchema, create(ResourceSchema, carried(each, send.form))),
      );
      const controlPlane = { identifier: 'id' };
      const message = create(DiscoveryResponseSchema, { typeUrl, nonce, versionInfo, resources, controlPlane });
      expect(canonical(whole(sotwBody(send, 'id'), send))).toEqual(
        Buffer.from(toBinary(DiscoveryResponseSchema, message)),
      );
    }),
  );
});

test('a SotW response without a TTL is, byte for byte, what protobuf-es writes', () => {
  fc.assert(
    fc.property(sends, (send) => {
      const bytes = whole(sotwBody({ ...send, form: 'plain' }, 'id'), send);
      const message = fromBinary(DiscoveryResponseSchema, bytes);
      expect(Buffer.from(toBinary(DiscoveryResponseSchema, message))).toEqual(bytes);
    }),
  );
});

test('a delta response reads as what was meant', () => {
  fc.assert(
    fc.property(sends, (send) => {
      const { typeUrl, nonce, version: systemVersionInfo } = send;
      const removedResources = [...send.removed];
      const resources = send.resources.map((each) => carried(each, send.form));
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
      const read = fromBinary(DeltaDiscoveryResponseSchema, whole(deltaBody(send, 'id'), send));
      expect(toBinary(DeltaDiscoveryResponseSchema, read)).toEqual(toBinary(DeltaDiscoveryResponseSchema, message));
    }),
  );
});

/** One content is written once, whoever is told of it, and its bytes are copied once for each: counted, not timed. */
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema, DiscoveryResponseSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Send } from '../../src/xds/order.ts';
import { SharedBodies } from '../../src/xds/shared-bodies.ts';
import { wires } from '../../src/xds/wire.ts';
import { resource } from './resources.ts';

const typeUrl = 'type.googleapis.com/t';
const [one, other] = [resource(typeUrl, 'one', 'content'), resource(typeUrl, 'other', 'content')];

function sendOf(changes: Partial<Send> = {}): Send {
  return { typeUrl, nonce: '1', form: 'plain', version: 'v', revision: 'r', resources: [one], removed: [], ...changes };
}

const schemas = { sotw: DiscoveryResponseSchema, delta: DeltaDiscoveryResponseSchema };

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  const identifier = 'id';
  const sharing = (bytesMax?: number) => {
    let written = 0;
    const bodies = new SharedBodies((send) => {
      written += 1;
      return wires[kind].write(send, identifier);
    }, bytesMax);
    return { bodies, written: () => written };
  };
  const bytesOf = (bodies: SharedBodies, send: Send) => {
    const response = bodies.responseOf(send);
    const bytes = Buffer.alloc(response.byteLength);
    return { bytes, copied: response.copy(bytes, 0) };
  };

  test('two thousand streams that are told the same are one writing, and each copies its bytes once, with its own nonce', () => {
    const { bodies, written } = sharing();
    const streams = Array.from({ length: 2_000 }, (_, index) => String(index + 1));
    let copied = 0;
    let bytes = 0;
    for (const nonce of streams) {
      // As each stream composes it: a list of its own, of the very same resource.
      const told = bytesOf(bodies, sendOf({ nonce, resources: [one] }));
      copied += told.copied;
      bytes += told.bytes.length;
      expect(fromBinary(schemas[kind], told.bytes)).toMatchObject({ nonce, typeUrl });
    }
    expect(written()).toBe(1);
    expect(copied).toBe(bytes);
  });

  test.each<[string, Partial<Send>]>([
    ['another version', { version: 'w' }],
    ['another form', { form: 'whole' }],
    ['another type', { typeUrl: `${typeUrl}2` }],
    ['another resource', { resources: [other] }],
    ['other bytes under the same name', { resources: [{ ...one, any: other.any }] }],
    ['a resource more', { resources: [one, other] }],
    ['something removed', { removed: ['gone'] }],
    ['nothing', { resources: [] }],
  ])('%s is another body', (_what, changes) => {
    const { bodies, written } = sharing();
    const before = bytesOf(bodies, sendOf()).bytes;
    const { bytes } = bytesOf(bodies, sendOf(changes));
    expect(written()).toBe(2);
    expect(bytes).toEqual(bytesOf(sharing().bodies, sendOf(changes)).bytes);
    expect(bytesOf(bodies, sendOf()).bytes).toEqual(before);
  });

  test('no more is kept than may be: the oldest is written anew', () => {
    const size = bytesOf(sharing().bodies, sendOf()).bytes.length;
    const { bodies, written } = sharing(2 * size);
    for (const version of ['a', 'b', 'c', 'c', 'b']) bodies.responseOf(sendOf({ version }));
    expect(written()).toBe(3);
    bodies.responseOf(sendOf({ version: 'a' }));
    expect(written()).toBe(4);
  });
});

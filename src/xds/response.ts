/**
 * The bytes of DiscoveryResponse and DeltaDiscoveryResponse, written around resources that were encoded once.
 *
 *   Resource.any (shared) ──copy──▶ response          no message object is built and nothing is encoded again
 *
 * Field numbers: envoy/service/discovery/v3/discovery.proto. Fields are written in ascending order, empty ones left out,
 * as the protobuf specification asks of a serializer.
 */
import type { Send } from './order.ts';

/** `DiscoveryResponse`. @param identifier name of this control plane, shown in the client's configuration dump. */
export function encodeSotwResponse({ version, resources, typeUrl, nonce }: Send, identifier: string): Buffer {
  return join([
    text(1, version),
    ...resources.map(({ any }) => bytes(2, [any])),
    text(4, typeUrl),
    text(5, nonce),
    bytes(6, text(1, identifier)),
  ]);
}

/** `DeltaDiscoveryResponse`. */
export function encodeDeltaResponse(send: Send, identifier: string): Buffer {
  const { version, resources, typeUrl, removed, nonce } = send;
  return join([
    text(1, version),
    ...resources.map((resource) =>
      bytes(2, [...text(1, resource.version), ...bytes(2, [resource.any]), ...text(3, resource.name)]),
    ),
    text(4, typeUrl),
    text(5, nonce),
    ...removed.map((name) => text(6, name)),
    bytes(7, text(1, identifier)),
  ]);
}

/** A length-delimited field of a message, as pieces still to be joined. */
type Pieces = readonly Uint8Array[];

const lengthDelimited = 2;

function text(field: number, value: string): Pieces {
  return value === '' ? [] : bytes(field, [Buffer.from(value)]);
}

function bytes(field: number, content: Pieces): Pieces {
  const length = content.reduce((sum, piece) => sum + piece.length, 0);
  return [Uint8Array.of((field << 3) | lengthDelimited, ...varint(length)), ...content];
}

function varint(value: number): readonly number[] {
  const groups: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) groups.push((rest % 0x80) | 0x80);
  return [...groups, rest];
}

function join(fields: readonly Pieces[]): Buffer {
  return Buffer.concat(fields.flat());
}

/**
 * The bytes of DiscoveryResponse and DeltaDiscoveryResponse, written around resources that were encoded once.
 *
 *   Resource.any (shared) ──copy──▶ response          no message object is built and nothing is encoded again
 *
 * Field numbers: envoy/service/discovery/v3/discovery.proto. Fields are written in ascending order, empty ones left out,
 * as the protobuf specification asks of a serializer.
 */
import type { Send } from './order.ts';
import type { Resource } from './resource.ts';

/** `DiscoveryResponse`. @param identifier name of this control plane, shown in the client's configuration dump. */
export function encodeSotwResponse(send: Send, identifier: string): Buffer {
  const { version, resources, typeUrl, nonce, form } = send;
  return join([
    text(1, version),
    ...resources.map((resource) =>
      form === 'plain' || resource.ttlMs === undefined
        ? bytes(2, [resource.any])
        : bytes(2, [...text(1, wrapperType), ...bytes(2, wrapped(resource, form))]),
    ),
    text(4, typeUrl),
    text(5, nonce),
    bytes(6, text(1, identifier)),
  ]);
}

/** `DeltaDiscoveryResponse`. */
export function encodeDeltaResponse(send: Send, identifier: string): Buffer {
  const { version, resources, typeUrl, removed, nonce, form } = send;
  return join([
    text(1, version),
    ...resources.map((resource) => bytes(2, wrapped(resource, form))),
    text(4, typeUrl),
    text(5, nonce),
    ...removed.map((name) => text(6, name)),
    bytes(7, text(1, identifier)),
  ]);
}

const wrapperType = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

/** `Resource`: what delta carries everything in, and SotW what has a TTL. */
function wrapped({ version, any, name, ttlMs }: Resource, form: Send['form']): Pieces {
  return [
    ...text(1, version),
    ...(form === 'heartbeat' ? [] : bytes(2, [any])),
    ...text(3, name),
    ...(form === 'plain' || ttlMs === undefined ? [] : bytes(6, duration(ttlMs))),
  ];
}

/** `google.protobuf.Duration`. */
function duration(ms: number): Pieces {
  return [...number(1, Math.floor(ms / 1_000)), ...number(2, (ms % 1_000) * 1_000_000)];
}

/** A length-delimited field of a message, as pieces still to be joined. */
type Pieces = readonly Uint8Array[];

const lengthDelimited = 2;
const varintWire = 0;

function number(field: number, value: number): Pieces {
  return value === 0 ? [] : [Uint8Array.of((field << 3) | varintWire, ...varint(value))];
}

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

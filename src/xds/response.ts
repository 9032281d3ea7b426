/**
 * The bytes of DiscoveryResponse and DeltaDiscoveryResponse, written around resources that were encoded once.
 *
 *   Resource.any (shared) ──▶ ResponseBody (shared by every stream that is told the same) ──▶ head, nonce, tail
 *
 * No message object is built and nothing is encoded again. The nonce is all that is a stream's own: it stands between what
 * is before it and what is after it, and the three are copied once, into the memory that the transport sends.
 * Field numbers: envoy/service/discovery/v3/discovery.proto. Fields are written in ascending order, empty ones left out,
 * as the protobuf specification asks of a serializer.
 */
import type { Send } from './order.ts';
import type { Resource } from './resource.ts';

/** A response without its nonce: the bytes before it and those after it. */
export interface ResponseBody {
  readonly head: Buffer;
  readonly tail: Buffer;
}

/** What of a response is the same for every stream that is told the same. */
export type SharedSend = Omit<Send, 'nonce' | 'revision'>;

/** `DiscoveryResponse`. @param identifier name of this control plane, shown in the client's configuration dump. */
export function sotwBody({ version, resources, typeUrl, form }: SharedSend, identifier: string): ResponseBody {
  const head = [
    text(1, version),
    ...resources.map((resource) =>
      form === 'plain' || resource.ttlMs === undefined
        ? bytes(2, [resource.any])
        : bytes(2, [...text(1, wrapperType), ...bytes(2, wrapped(resource, form))]),
    ),
    text(4, typeUrl),
  ];
  return { head: join(head), tail: join([bytes(6, text(1, identifier))]) };
}

/** `DeltaDiscoveryResponse`. */
export function deltaBody(
  { version, resources, typeUrl, removed, form }: SharedSend,
  identifier: string,
): ResponseBody {
  const head = [text(1, version), ...resources.map((resource) => bytes(2, wrapped(resource, form))), text(4, typeUrl)];
  return { head: join(head), tail: join([...removed.map((name) => text(6, name)), bytes(7, text(1, identifier))]) };
}

/**
 * One response of one stream, not joined yet. It looks like a Buffer to who asks only for its length and for a copy of it,
 * and grpc-js asks a serialized message for nothing else, to put its own five bytes before it.
 */
export class Response {
  readonly #body: ResponseBody;
  readonly #nonce: Buffer;
  readonly byteLength: number;

  constructor(body: ResponseBody, nonce: string) {
    this.#body = body;
    this.#nonce = join([text(nonceField, nonce)]);
    this.byteLength = body.head.length + this.#nonce.length + body.tail.length;
  }

  /** As `Buffer.copy`. @returns how many bytes were copied. */
  copy(target: Uint8Array, at: number): number {
    const { head, tail } = this.#body;
    const afterHead = at + head.copy(target, at);
    const afterNonce = afterHead + this.#nonce.copy(target, afterHead);
    return afterNonce + tail.copy(target, afterNonce) - at;
  }
}

/** In both protocols. */
const nonceField = 5;

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

/**
 * Requests as they come off the wire, hostile until read: bytes in, a value or the reason they are not one out.
 * Of the node only what names the client and its abilities is read: the rest may be megabytes, and would stay.
 *
 * The fields are read here and not by the schema, since a client that comes back tells the version of each resource that it
 * holds, and two thousand do so at once. As protobuf has it, a field that comes twice counts the last time, a message that
 * comes twice is merged, and what is unknown is passed over.
 * Field numbers: envoy/service/discovery/v3/discovery.proto, envoy/config/core/v3/base.proto, google/rpc/status.proto.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { DeltaRequest } from './delta.ts';
import {
  clientFeatures,
  nackMessageMax,
  nodeNameUnitsMax,
  nonceUnitsMax,
  requestBytesMax,
  typeUrlUnitsMax,
} from './limits.ts';
import type { ClientNode } from './ports.ts';
import type { XdsRequest } from './protocol.ts';
import type { SotwRequest } from './sotw.ts';
import type { NackCause } from './type-state.ts';

export type Decoded<R extends XdsRequest> =
  | { readonly kind: 'ok'; readonly request: R; readonly node: ClientNode | undefined }
  | { readonly kind: 'too-large'; readonly bytes: number }
  /** `why` is a sentence for the caller. */
  | { readonly kind: 'malformed'; readonly why: string };

export function decodeSotwRequest(bytes: Uint8Array): Decoded<SotwRequest> {
  return guarded(bytes, () => {
    const common = new Common();
    const names: string[] = [];
    let version = '';
    const reader = new BinaryReader(bytes);
    readFields(reader, bytes.length, (field) => {
      if (field === 1) version = text(reader);
      else if (field === 2) common.readNode(reader);
      else if (field === 3) names.push(text(reader));
      else if (field === 4) common.typeUrl = text(reader);
      else if (field === 5) common.nonce = text(reader);
      else if (field === 6) common.readError(reader);
      else return false;
      return true;
    });
    return bounded({ ...common.request(), names, version, namesCount: names.length }, common.node);
  });
}

export function decodeDeltaRequest(bytes: Uint8Array): Decoded<DeltaRequest> {
  return guarded(bytes, () => {
    const common = new Common();
    const subscribe: string[] = [];
    const unsubscribe: string[] = [];
    const initialVersions = new Map<string, string>();
    const reader = new BinaryReader(bytes);
    readFields(reader, bytes.length, (field) => {
      if (field === 1) common.readNode(reader);
      else if (field === 2) common.typeUrl = text(reader);
      else if (field === 3) subscribe.push(text(reader));
      else if (field === 4) unsubscribe.push(text(reader));
      else if (field === 5) readEntry(reader, initialVersions);
      else if (field === 6) common.nonce = text(reader);
      else if (field === 7) common.readError(reader);
      else return false;
      return true;
    });
    const namesCount = subscribe.length + unsubscribe.length + initialVersions.size;
    return bounded({ ...common.request(), subscribe, unsubscribe, initialVersions, namesCount }, common.node);
  });
}

/** What both protocols say, as far as it was read. */
class Common {
  typeUrl = '';
  nonce = '';
  node: ReadNode | undefined;
  #error: { code: number; message: string } | undefined;

  readNode(reader: BinaryReader): void {
    this.node ??= { id: '', cluster: '', clientFeatures: [] };
    const { node } = this;
    readMessage(reader, (field, wireType) => {
      if (wireType !== WireType.LengthDelimited) return false;
      if (field === 1) node.id = text(reader);
      else if (field === 2) node.cluster = text(reader);
      else if (field === 10) node.clientFeatures.push(text(reader));
      else return false;
      return true;
    });
  }

  readError(reader: BinaryReader): void {
    this.#error ??= { code: 0, message: '' };
    const error = this.#error;
    readMessage(reader, (field, wireType) => {
      if (field === 1 && wireType === WireType.Varint) error.code = reader.int32();
      else if (field === 2 && wireType === WireType.LengthDelimited) error.message = text(reader);
      else return false;
      return true;
    });
  }

  request(): Pick<XdsRequest, 'typeUrl' | 'nonce' | 'error'> {
    const error: NackCause | undefined = this.#error && {
      code: this.#error.code,
      message: this.#error.message.slice(0, nackMessageMax),
    };
    return { typeUrl: this.typeUrl, nonce: this.nonce.slice(0, nonceUnitsMax), error };
  }
}

interface ReadNode {
  id: string;
  cluster: string;
  readonly clientFeatures: string[];
}

/** Reads a field, or says that it is none of its own. */
type TakeField = (field: number, wireType: WireType) => boolean;

/** Fields of a message of which all that is read is text or a message. */
function readFields(reader: BinaryReader, end: number, take: (field: number) => boolean): void {
  readUntil(reader, end, (field, wireType) => wireType === WireType.LengthDelimited && take(field));
}

function readMessage(reader: BinaryReader, take: TakeField): void {
  const length = reader.uint32();
  readUntil(reader, reader.pos + length, take);
}

function readUntil(reader: BinaryReader, end: number, take: TakeField): void {
  if (end > reader.len) throw new RangeError('a message ends beyond its bytes');
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (!take(field, wireType)) reader.skip(wireType, field);
  }
  if (reader.pos > end) throw new RangeError('a field ends beyond its message');
}

function readEntry(reader: BinaryReader, entries: Map<string, string>): void {
  let key = '';
  let value = '';
  readMessage(reader, (field, wireType) => {
    if (wireType !== WireType.LengthDelimited) return false;
    if (field === 1) key = text(reader);
    else if (field === 2) value = text(reader);
    else return false;
    return true;
  });
  entries.set(key, value);
}

/** @throws where it is no UTF-8. */
function text(reader: BinaryReader): string {
  return reader.string(true);
}

function guarded<R extends XdsRequest>(bytes: Uint8Array, decode: () => Decoded<R>): Decoded<R> {
  if (bytes.length > requestBytesMax) return { kind: 'too-large', bytes: bytes.length };
  try {
    return decode();
  } catch {
    return { kind: 'malformed', why: 'request is not a discovery request' };
  }
}

function bounded<R extends XdsRequest>(request: R, node: ReadNode | undefined): Decoded<R> {
  if (request.typeUrl === '') return { kind: 'malformed', why: 'type_url is missing' };
  if (request.typeUrl.length > typeUrlUnitsMax) return { kind: 'malformed', why: 'type_url is too long' };
  if (node === undefined) return { kind: 'ok', request, node };
  const { id, cluster } = node;
  if (Math.max(id.length, cluster.length) > nodeNameUnitsMax) {
    return { kind: 'malformed', why: 'node id or cluster is too long' };
  }
  const features = node.clientFeatures.slice(0, clientFeatures.max);
  const known = features.filter(({ length }) => length <= clientFeatures.unitsMax);
  return { kind: 'ok', request, node: { id, cluster, clientFeatures: known } };
}

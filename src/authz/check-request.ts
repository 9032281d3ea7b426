/**
 * The fields of a CheckRequest that a decision can stand on, and no other: bodies, certificates and metadata are
 * passed over unread.
 *
 *   bytes ──readCheckRequest──▶ CheckFields | why not
 *
 * As protobuf has it, a field that comes twice counts the last time, and a message that comes twice is merged.
 * Source: envoy/service/auth/v3/{external_auth,attribute_context}.proto; the numbers below are theirs.
 */
import { type CheckLimits, contextExtensionsMax } from './limits.ts';
import { type HeaderLine, RequestHeaders } from './request-headers.ts';
import { type ByteRange, WireReader } from './wire-reader.ts';

/** As on the wire: '' or 0 where nothing was said. Nothing here is checked yet. */
export interface CheckFields {
  /** `attributes.source.principal`: the first URI SAN, else DNS SAN, else subject of the downstream certificate. */
  readonly principal: string;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Envoy's own number of the stream. */
  readonly id: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly host: string;
  readonly scheme: string;
  readonly headers: RequestHeaders;
  readonly contextExtensions: ReadonlyMap<string, string>;
  readonly sni: string;
}

export type CheckFieldsResult =
  | { readonly kind: 'read'; readonly fields: CheckFields }
  | { readonly kind: 'refused'; readonly why: UnreadableReason };

export type UnreadableReason = 'oversized' | 'malformed' | 'too-many-headers' | 'too-many-extensions';

/** @param bytes from a peer: hostile. Never throws. */
export function readCheckRequest(bytes: Buffer, limits: CheckLimits): CheckFieldsResult {
  if (bytes.length > limits.messageBytesMax) return { kind: 'refused', why: 'oversized' };
  const reader = new WireReader(bytes);
  const draft = new Draft(limits.headersMax);
  while (reader.next()) if (reader.field === 1) reader.inside((attributes) => readAttributes(attributes, draft));
  if (reader.malformed) return { kind: 'refused', why: 'malformed' };
  if (draft.raw.length > limits.headersMax || draft.joined.length > limits.headersMax) {
    return { kind: 'refused', why: 'too-many-headers' };
  }
  if (draft.contextExtensions.size > contextExtensionsMax) return { kind: 'refused', why: 'too-many-extensions' };
  const headers = draft.hasRaw
    ? new RequestHeaders('raw', bytes, draft.raw)
    : new RequestHeaders('joined', bytes, draft.joined);
  return { kind: 'read', fields: { ...draft.scalars, headers, contextExtensions: draft.contextExtensions } };
}

type Scalars = { -readonly [K in Exclude<keyof CheckFields, 'headers' | 'contextExtensions'>]: CheckFields[K] };

/** What was read so far. One line and one entry more than allowed are kept, so that the excess shows. */
class Draft {
  readonly scalars: Scalars = {
    principal: '',
    destinationAddress: '',
    destinationPort: 0,
    id: '',
    method: '',
    path: '',
    host: '',
    scheme: '',
    sni: '',
  };
  /** From `header_map`, which is there, even if empty, when `encode_raw_headers` is on. */
  hasRaw = false;
  readonly raw: HeaderLine[] = [];
  readonly joined: HeaderLine[] = [];
  readonly contextExtensions = new Map<string, string>();
  readonly #headersMax: number;

  constructor(headersMax: number) {
    this.#headersMax = headersMax;
  }

  addHeader(lines: HeaderLine[], line: HeaderLine): void {
    if (lines.length <= this.#headersMax) lines.push(line);
  }

  addContextExtension(name: string, value: string): void {
    if (this.contextExtensions.size <= contextExtensionsMax) this.contextExtensions.set(name, value);
  }
}

/** AttributeContext */
function readAttributes(reader: WireReader, draft: Draft): void {
  const { scalars } = draft;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.inside(() => {
          while (reader.next()) if (reader.field === 4) scalars.principal = reader.text();
        });
        break;
      case 2:
        reader.inside(() => {
          while (reader.next()) if (reader.field === 1) reader.inside(() => readAddress(reader, scalars));
        });
        break;
      case 4:
        reader.inside(() => {
          while (reader.next()) if (reader.field === 2) reader.inside(() => readHttp(reader, draft));
        });
        break;
      case 10: {
        const { name, text } = readTextEntry(reader);
        draft.addContextExtension(name, text);
        break;
      }
      case 12:
        reader.inside(() => {
          while (reader.next()) if (reader.field === 1) scalars.sni = reader.text();
        });
        break;
    }
  }
}

/** config.core.v3.Address: one of socket address (1), pipe (2) and internal listener (3); the last on the wire stands. */
function readAddress(reader: WireReader, scalars: Scalars): void {
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.inside(() => readSocketAddress(reader, scalars));
        break;
      case 2:
      case 3:
        scalars.destinationAddress = '';
        scalars.destinationPort = 0;
        break;
    }
  }
}

/** SocketAddress; a named port (4) displaces the number (3), and is none that we could compare. */
function readSocketAddress(reader: WireReader, scalars: Scalars): void {
  while (reader.next()) {
    switch (reader.field) {
      case 2:
        scalars.destinationAddress = reader.text();
        break;
      case 3:
        scalars.destinationPort = reader.uint32();
        break;
      case 4:
        scalars.destinationPort = 0;
        break;
    }
  }
}

/** AttributeContext.HttpRequest */
function readHttp(reader: WireReader, draft: Draft): void {
  const { scalars } = draft;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        scalars.id = reader.text();
        break;
      case 2:
        scalars.method = reader.text();
        break;
      case 3:
        draft.addHeader(draft.joined, readHeaderEntry(reader));
        break;
      case 4:
        scalars.path = reader.text();
        break;
      case 5:
        scalars.host = reader.text();
        break;
      case 6:
        scalars.scheme = reader.text();
        break;
      case 13:
        draft.hasRaw = true;
        reader.inside(() => {
          while (reader.next()) if (reader.field === 1) draft.addHeader(draft.raw, readHeaderValue(reader));
        });
        break;
    }
  }
}

const nothing: ByteRange = { start: 0, end: 0 };

/** An entry of `map<string, string> headers`. */
function readHeaderEntry(reader: WireReader): HeaderLine {
  let name = '';
  let value = nothing;
  reader.inside(() => {
    while (reader.next()) {
      if (reader.field === 1) name = reader.text();
      else if (reader.field === 2) value = reader.range();
    }
  });
  return { name, value };
}

/** config.core.v3.HeaderValue: `raw_value` (3) where there is one, else `value` (2). */
function readHeaderValue(reader: WireReader): HeaderLine {
  let name = '';
  let value = nothing;
  let raw = nothing;
  reader.inside(() => {
    while (reader.next()) {
      if (reader.field === 1) name = reader.text();
      else if (reader.field === 2) value = reader.range();
      else if (reader.field === 3) raw = reader.range();
    }
  });
  return { name, value: raw.end > raw.start ? raw : value };
}

function readTextEntry(reader: WireReader): { readonly name: string; readonly text: string } {
  let name = '';
  let text = '';
  reader.inside(() => {
    while (reader.next()) {
      if (reader.field === 1) name = reader.text();
      else if (reader.field === 2) text = reader.text();
    }
  });
  return { name, text };
}

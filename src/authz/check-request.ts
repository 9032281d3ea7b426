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
import { RequestHeaders } from './request-headers.ts';
import { WireReader } from './wire-reader.ts';

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
  const draft = new Draft(bytes, limits.headersMax);
  while (reader.next()) if (reader.field === 1) readAttributes(reader, draft);
  if (reader.malformed) return { kind: 'refused', why: 'malformed' };
  const { raw, joined, scalars, contextExtensions } = draft;
  if (raw.size > limits.headersMax || joined.size > limits.headersMax) {
    return { kind: 'refused', why: 'too-many-headers' };
  }
  if (contextExtensions.size > contextExtensionsMax) return { kind: 'refused', why: 'too-many-extensions' };
  return { kind: 'read', fields: { ...scalars, headers: draft.hasRaw ? raw : joined, contextExtensions } };
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
  /** `header_map` is there, even if empty, when `encode_raw_headers` is on. */
  hasRaw = false;
  readonly raw: RequestHeaders;
  readonly joined: RequestHeaders;
  readonly contextExtensions = new Map<string, string>();
  readonly #headersMax: number;

  constructor(message: Buffer, headersMax: number) {
    this.raw = new RequestHeaders('raw', message);
    this.joined = new RequestHeaders('joined', message);
    this.#headersMax = headersMax;
  }

  hasRoom(headers: RequestHeaders): boolean {
    return headers.size <= this.#headersMax;
  }

  addContextExtension(name: string, value: string): void {
    if (this.contextExtensions.size <= contextExtensionsMax) this.contextExtensions.set(name, value);
  }
}

/** AttributeContext */
function readAttributes(reader: WireReader, draft: Draft): void {
  const around = reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        readSource(reader, draft.scalars);
        break;
      case 2:
        readDestination(reader, draft.scalars);
        break;
      case 4:
        readRequest(reader, draft);
        break;
      case 10:
        readContextExtension(reader, draft);
        break;
      case 12:
        readTlsSession(reader, draft.scalars);
        break;
    }
  }
  reader.leave(around);
}

/** AttributeContext.Peer */
function readSource(reader: WireReader, scalars: Scalars): void {
  const around = reader.enter();
  while (reader.next()) if (reader.field === 4) scalars.principal = reader.text();
  reader.leave(around);
}

/** AttributeContext.Peer */
function readDestination(reader: WireReader, scalars: Scalars): void {
  const around = reader.enter();
  while (reader.next()) if (reader.field === 1) readAddress(reader, scalars);
  reader.leave(around);
}

/** AttributeContext.Request */
function readRequest(reader: WireReader, draft: Draft): void {
  const around = reader.enter();
  while (reader.next()) if (reader.field === 2) readHttp(reader, draft);
  reader.leave(around);
}

/** AttributeContext.TLSSession */
function readTlsSession(reader: WireReader, scalars: Scalars): void {
  const around = reader.enter();
  while (reader.next()) if (reader.field === 1) scalars.sni = reader.text();
  reader.leave(around);
}

/** config.core.v3.Address: one of socket address (1), pipe (2) and internal listener (3); the last on the wire stands. */
function readAddress(reader: WireReader, scalars: Scalars): void {
  const around = reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        readSocketAddress(reader, scalars);
        break;
      case 2:
      case 3:
        scalars.destinationAddress = '';
        scalars.destinationPort = 0;
        break;
    }
  }
  reader.leave(around);
}

/** SocketAddress; a named port (4) displaces the number (3), and is none that we could compare. */
function readSocketAddress(reader: WireReader, scalars: Scalars): void {
  const around = reader.enter();
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
  reader.leave(around);
}

/** AttributeContext.HttpRequest */
function readHttp(reader: WireReader, draft: Draft): void {
  const { scalars } = draft;
  const around = reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        scalars.id = reader.text();
        break;
      case 2:
        scalars.method = reader.text();
        break;
      case 3:
        if (draft.hasRoom(draft.joined)) readHeader(reader, draft.joined);
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
        readHeaderMap(reader, draft);
        break;
    }
  }
  reader.leave(around);
}

/** config.core.v3.HeaderMap */
function readHeaderMap(reader: WireReader, draft: Draft): void {
  draft.hasRaw = true;
  const around = reader.enter();
  while (reader.next()) if (reader.field === 1 && draft.hasRoom(draft.raw)) readHeader(reader, draft.raw);
  reader.leave(around);
}

/** config.core.v3.HeaderValue: `raw_value` (3) where there is one, else `value` (2); or an entry of `headers`, which has no third. */
function readHeader(reader: WireReader, headers: RequestHeaders): void {
  let nameStart = 0;
  let nameEnd = 0;
  let start = 0;
  let end = 0;
  let rawStart = 0;
  let rawEnd = 0;
  const around = reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.textRange();
        nameStart = reader.start;
        nameEnd = reader.end;
        break;
      case 2:
        reader.range();
        start = reader.start;
        end = reader.end;
        break;
      case 3:
        reader.range();
        rawStart = reader.start;
        rawEnd = reader.end;
        break;
    }
  }
  reader.leave(around);
  const isRaw = headers.form === 'raw' && rawEnd > rawStart;
  headers.add(nameStart, nameEnd, isRaw ? rawStart : start, isRaw ? rawEnd : end);
}

/** An entry of `map<string, string> context_extensions`. */
function readContextExtension(reader: WireReader, draft: Draft): void {
  let name = '';
  let text = '';
  const around = reader.enter();
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) text = reader.text();
  }
  reader.leave(around);
  draft.addContextExtension(name, text);
}

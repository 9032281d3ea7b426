/** The reader against protobuf-es: it may refuse more, and must never read anything else than that does. */
import { fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { type CheckFieldsResult, readCheckRequest } from '../../src/authz/check-request.ts';
import { defaultCheckLimits } from '../../src/authz/limits.ts';
import type { HeaderValues } from '../../src/authz/request-headers.ts';
import { checkRequest, checkRequestInit, encode } from './support/check-request.ts';

const text = fc.oneof(fc.string({ maxLength: 24 }), fc.string({ unit: 'grapheme', maxLength: 12 }));
const bytes = fc.uint8Array({ maxLength: 24 });
const peer = fc.record({
  principal: text,
  service: text,
  certificate: text,
  labels: fc.dictionary(text, text, { maxKeys: 3 }),
  address: fc.record({
    address: fc.oneof(
      fc.record({
        case: fc.constant('socketAddress' as const),
        value: fc.record({
          address: text,
          portSpecifier: fc.oneof(
            fc.record({ case: fc.constant('portValue' as const), value: fc.nat({ max: 65_535 }) }),
            fc.record({ case: fc.constant('namedPort' as const), value: text }),
          ),
        }),
      }),
      fc.record({ case: fc.constant('pipe' as const), value: fc.record({ path: text }) }),
    ),
  }),
});
const http = fc.record({
  id: text,
  method: text,
  headers: fc.dictionary(text, text, { maxKeys: 5 }),
  headerMap: fc.option(
    fc.record({ headers: fc.array(fc.record({ key: text, value: text, rawValue: bytes }), { maxLength: 5 }) }),
    { nil: undefined },
  ),
  path: text,
  host: text,
  scheme: text,
  size: fc.bigInt({ min: -1n, max: 2n ** 62n }),
  protocol: text,
  body: text,
  rawBody: bytes,
});
const checkRequests = fc
  .record({
    attributes: fc.record({
      source: peer,
      destination: peer,
      request: fc.record({ time: fc.record({ seconds: fc.bigInt({ min: 0n, max: 2n ** 40n }) }), http }),
      contextExtensions: fc.dictionary(text, text, { maxKeys: 4 }),
      metadataContext: fc.record({ filterMetadata: fc.dictionary(text, fc.dictionary(text, text), { maxKeys: 2 }) }),
      tlsSession: fc.option(fc.record({ sni: text }), { nil: undefined }),
    }),
  })
  .map((init) => encode(defined(init)));

test('what is read from any valid message is what protobuf-es reads', () => {
  fc.assert(
    fc.property(checkRequests, (message) => {
      expect(comparable(read(message), message)).toEqual(byProtobufEs(message));
    }),
    { numRuns: 500 },
  );
});

test('a message that comes in two parts is merged as protobuf-es merges it', () => {
  fc.assert(
    fc.property(checkRequests, checkRequests, (first, second) => {
      const message = Buffer.concat([first, second]);
      expect(comparable(read(message), message)).toEqual(byProtobufEs(message));
    }),
  );
});

/**
 * Compared where the damage left something that an encoder could have written. Elsewhere protobuf-es is no judge: it
 * minds damage in what we pass over unread, and reads a field of the wrong wire type as if it had the right one.
 */
test('of a damaged message nothing is read that protobuf-es reads otherwise', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 });
  let refused = 0;
  let compared = 0;
  fc.assert(
    fc.property(checkRequests, damage, fc.nat(), (message, changes, cut) => {
      const damaged = Buffer.from(message.subarray(0, cut % 2 === 0 ? message.length : cut % (message.length + 1)));
      for (const [at, value] of changes) if (damaged.length > 0) damaged[at % damaged.length] = value;
      const result = read(damaged);
      if (result.kind === 'refused') {
        refused += 1;
        return;
      }
      const expected = isAsWritten(damaged) ? byProtobufEs(damaged) : undefined;
      if (expected === undefined) return;
      compared += 1;
      expect(comparable(result, damaged)).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(compared).toBeGreaterThan(20);
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
      expect(['read', 'refused']).toContain(read(Buffer.from(message)).kind);
    }),
    { numRuns: 5_000 },
  );
});

test.for([
  ['a length beyond the end', [0x0a, 0x7f]],
  ['a length beyond the message around it', [0x0a, 0x03, 0x0a, 0x02, 0x00, 0x00]],
  ['field number zero', [0x02, 0x00]],
  ['a varint without end', Array(11).fill(0xff)],
  ['a group', [0x0b, 0x0c]],
  ['a message sent as a number', [0x08, 0x01]],
  ['text that is not UTF-8', [0x0a, 0x05, 0x0a, 0x03, 0x22, 0x01, 0xff]],
  ['a port beyond 32 bits', [0x0a, 0x0c, 0x12, 0x0a, 0x0a, 0x08, 0x0a, 0x06, 0x18, 0xd0, 0x80, 0x80, 0x80, 0x10]],
] as const)('%s is malformed', ([, message]) => {
  expect(read(Buffer.from(message))).toEqual({ kind: 'refused', why: 'malformed' });
});

test('SEC-56 each bound refuses what is one beyond it', () => {
  const limits = { ...defaultCheckLimits, headersMax: 4 };
  const headers = (count: number) => Array.from({ length: count }, (_, n) => [`x-${n}`, 'v'] as const);
  const extensions = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`e${n}`, 'v']));
  const joined = (count: number) => Object.fromEntries(headers(count));
  const kindOf = (message: Buffer, bytesMax = message.length) => {
    const result = readCheckRequest(message, { ...limits, messageBytesMax: bytesMax });
    return result.kind === 'refused' ? result.why : result.kind;
  };

  expect(kindOf(checkRequest({ headers: headers(2) }))).toBe('read');
  expect(kindOf(checkRequest({ headers: headers(3) }))).toBe('too-many-headers');
  expect(kindOf(checkRequest({ joined: joined(4) }))).toBe('read');
  expect(kindOf(checkRequest({ joined: joined(5) }))).toBe('too-many-headers');
  expect(kindOf(checkRequest({ extensions: extensions(64) }))).toBe('read');
  expect(kindOf(checkRequest({ extensions: extensions(65) }))).toBe('too-many-extensions');
  const message = checkRequest();
  expect(kindOf(message, message.length - 1)).toBe('oversized');
});

test('raw headers are preferred, and an empty raw list is no reason to believe the joined ones', () => {
  const init = checkRequestInit({});
  const forged = encode({
    attributes: { ...init.attributes, request: { http: { headers: { 'x-role': 'admin' }, headerMap: {} } } },
  } as MessageInitShape<typeof CheckRequestSchema>);
  const result = read(forged);
  expect(result.kind === 'read' && result.fields.headers.values('x-role')).toEqual({ kind: 'lines', lines: [] });
});

test('a joined header has no raw value, whatever its entry holds beside name and value', () => {
  const entry = [0x0a, 1, 0x78, 0x12, 1, 0x61, 0x1a, 1, 0x62]; // x: a, and `b` as a third field
  const within = (field: number, inside: readonly number[]) => [(field << 3) | 2, inside.length, ...inside];
  const result = read(Buffer.from(within(1, within(4, within(2, within(3, entry))))));
  expect(result.kind === 'read' && result.fields.headers.values('x')).toEqual({ kind: 'joined', text: 'a' });
});

function read(message: Buffer): CheckFieldsResult {
  return readCheckRequest(message, { ...defaultCheckLimits, messageBytesMax: 1 << 20 });
}

/** The result with its headers spelled out, each name with its values. */
function comparable(result: CheckFieldsResult, message: Buffer) {
  if (result.kind === 'refused') throw new Error(`${result.why}: ${message.toString('hex')}`);
  const { headers, contextExtensions, ...scalars } = result.fields;
  const named = headers.names().map((name): [string, HeaderValues] => [name, headers.values(name)]);
  return { ...scalars, contextExtensions: Object.fromEntries(contextExtensions), headers: Object.fromEntries(named) };
}

function byProtobufEs(message: Buffer) {
  const { attributes } = fromBinary(CheckRequestSchema, message);
  const http = attributes?.request?.http;
  const address = attributes?.destination?.address?.address;
  const socket = address?.case === 'socketAddress' ? address.value : undefined;
  return {
    principal: attributes?.source?.principal ?? '',
    destinationAddress: socket?.address ?? '',
    destinationPort: socket?.portSpecifier.case === 'portValue' ? socket.portSpecifier.value : 0,
    id: http?.id ?? '',
    method: http?.method ?? '',
    path: http?.path ?? '',
    host: http?.host ?? '',
    scheme: http?.scheme ?? '',
    sni: attributes?.tlsSession?.sni ?? '',
    contextExtensions: { ...attributes?.contextExtensions },
    headers: http?.headerMap === undefined ? joinedHeaders(http?.headers ?? {}) : rawHeaders(http.headerMap.headers),
  };
}

function joinedHeaders(headers: Readonly<Record<string, string>>): Record<string, HeaderValues> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      value.includes('!') ? { kind: 'unreadable' } : { kind: 'joined', text: value },
    ]),
  );
}

function rawHeaders(
  headers: readonly { readonly key: string; readonly value: string; readonly rawValue: Uint8Array }[],
): Record<string, HeaderValues> {
  const values: Record<string, HeaderValues> = {};
  for (const { key, value, rawValue } of headers) {
    const known = Object.hasOwn(values, key) ? values[key] : undefined;
    const line = rawValue.length === 0 ? value : decodeOrUndefined(rawValue);
    const lines = known?.kind === 'lines' ? known.lines : [];
    const unreadable = known?.kind === 'unreadable' || line === undefined;
    Object.defineProperty(values, key, {
      value: unreadable ? { kind: 'unreadable' } : { kind: 'lines', lines: [...lines, line] },
      enumerable: true,
      configurable: true,
    });
  }
  return values;
}

function decodeOrUndefined(value: Uint8Array): string | undefined {
  return orUndefined(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value));
}

function isAsWritten(message: Buffer): boolean {
  const written = orUndefined(() => toBinary(CheckRequestSchema, fromBinary(CheckRequestSchema, message)));
  return written !== undefined && message.equals(written);
}

function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}

/** Without the members that are undefined: protobuf-es takes absent ones only. */
function defined(init: unknown): MessageInitShape<typeof CheckRequestSchema> {
  if (init instanceof Uint8Array || typeof init !== 'object' || init === null) return init as never;
  if (Array.isArray(init)) return init.map(defined) as never;
  return Object.fromEntries(
    Object.entries(init).flatMap(([name, value]) => (value === undefined ? [] : [[name, defined(value)]])),
  ) as never;
}

/**
 * One request or connection as a proxy logged it: everything of it that somebody here has a use for, and no more.
 *
 * What is never read: bodies, headers, cookies, user agents, what the caller's address claims to be (`x-forwarded-for`),
 * certificates but for their URI names. What a peer chose (path, host, SNI, names in its certificate) is cut and cleaned
 * where it is read, and is data ever after.
 * Source: envoy/data/accesslog/v3/accesslog.proto; the numbers are that file's.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { RequestMethod } from '#gen/envoy/config/core/v3/base_pb.js';
import { AccessLogType, ResponseFlagsSchema } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { responseFlags } from './response-flags.ts';
import { hostLengthMax, hostOnly, pathLengthMax, pathOnly } from './url-parts.ts';
import type { WireFields } from './wire-fields.ts';

export interface AccessLogEntry {
  readonly protocol: 'http' | 'tcp';
  /** `connected`: of a TCP connection, when its upstream stood; `end`: of a request or connection, when it was over. */
  readonly moment: 'connected' | 'end';
  /** When it began, by the proxy's clock: epoch seconds and nanoseconds, such as `1800000000.000000042`. */
  readonly startedAt: string;
  /** From the first byte in to the last byte out, in ms; 0 of `connected`, where Envoy does not say. */
  readonly durationMs: number;
  /** Who called: the other end of the connection, whatever a header says. */
  readonly downstream: SocketAddress | undefined;
  /** What was dialled, before it was redirected here. */
  readonly local: SocketAddress | undefined;
  /** Undefined where nobody was dialled. */
  readonly upstream: SocketAddress | undefined;
  /** That was chosen; empty where it did not come to that. */
  readonly cluster: string;
  readonly route: string;
  /** Envoy's short names, such as `UO`, sorted. */
  readonly flags: readonly string[];
  readonly sni: string;
  /** URI names in the caller's certificate. Envoy logs them of a handshake that failed, too: see `meaning-of-entry.ts`. */
  readonly certificateUris: readonly string[];
  /** HTTP status; 0 of a connection, and of a request that was never answered. */
  readonly status: number;
  /** Of gRPC, where the proxy was told to log it: 0 is well. */
  readonly grpcStatus: string;
  /** Response code details. */
  readonly details: string;
  /** Connection termination details. */
  readonly termination: string;
  /** Downstream transport failure reason. */
  readonly transportFailure: string;
  /** Of a request its request id, which on an inbound one is Envoy's own. */
  readonly streamId: string;
  /** Of a connection undefined. */
  readonly request: { readonly method: string; readonly host: string; readonly path: string } | undefined;
  /** By the names that our own configuration gave them. */
  readonly tags: ReadonlyMap<string, string>;
  /** Texts that filters left, by filter and name. */
  readonly metadata: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Longest texts, in UTF-16 units; that of a URI is what a SPIFFE ID may have: one that is proved is never cut. */
const lengthMax = { path: pathLengthMax, sni: 256, uri: 2_048, reason: 256, name: 512, id: 64, tag: 256 } as const;
/** Largest port there is. */
const portMax = 65_535;
/** Most names read of a certificate, tags of an entry, and metadata values of a filter. */
const listedMax = 16;

const common = {
  remote: 2,
  local: 3,
  tls: 4,
  start: 5,
  lastDownstreamByte: 12,
  upstream: 13,
  cluster: 15,
  flags: 16,
  metadata: 17,
  route: 19,
  direct: 20,
  tags: 22,
  duration: 23,
  termination: 25,
  streamId: 26,
  transportFailure: 28,
  logType: 33,
} as const;

/** @throws where the bytes are no entry. */
export function httpEntry(entry: WireFields): AccessLogEntry {
  const request = entry.message(3);
  const response = entry.message(4);
  return {
    protocol: 'http',
    ...commonOf(entry.message(1)),
    status: response.message(1).count(1),
    grpcStatus: grpcStatusOf(response),
    details: response.text(6, lengthMax.reason),
    request: {
      method: methodOf(request.count(1)),
      host: hostOnly(request.text(3, hostLengthMax + 1)),
      path: pathOnly(request.text(5, lengthMax.path)),
    },
  };
}

/** @throws where the bytes are no entry. */
export function tcpEntry(entry: WireFields): AccessLogEntry {
  return { protocol: 'tcp', ...commonOf(entry.message(1)), status: 0, grpcStatus: '', details: '', request: undefined };
}

/** Said in the trailers, or in the headers of an answer that has nothing else. */
function grpcStatusOf(response: WireFields): string {
  const said = [4, 5].flatMap((field) => response.messages(field, listedMax));
  return said.find((header) => header.text(1, lengthMax.tag) === 'grpc-status')?.text(2, lengthMax.id) ?? '';
}

function commonOf(fields: WireFields) {
  const tls = fields.message(common.tls);
  const [last, whole] = [fields.message(common.lastDownstreamByte), fields.message(common.duration)];
  const start = fields.message(common.start);
  return {
    moment: fields.count(common.logType) === AccessLogType.TcpUpstreamConnected ? 'connected' : 'end',
    startedAt: `${start.count(1)}.${String(start.count(2)).padStart(9, '0')}`,
    durationMs: msOf(fields.has(common.lastDownstreamByte) ? last : whole),
    downstream: addressOf(fields.message(fields.has(common.direct) ? common.direct : common.remote)),
    local: addressOf(fields.message(common.local)),
    upstream: addressOf(fields.message(common.upstream)),
    cluster: fields.text(common.cluster, lengthMax.name),
    route: fields.text(common.route, lengthMax.name),
    flags: responseFlags(fromBinary(ResponseFlagsSchema, fields.bytes(common.flags))),
    sni: tls.text(3, lengthMax.sni),
    certificateUris: tls
      .message(5)
      .messages(1, listedMax)
      .map((san) => san.text(1, lengthMax.uri))
      .filter(isSaid),
    termination: fields.text(common.termination, lengthMax.reason),
    transportFailure: fields.text(common.transportFailure, lengthMax.reason),
    streamId: fields.text(common.streamId, lengthMax.id),
    tags: new Map(
      fields.messages(common.tags, listedMax).map((tag) => [tag.text(1, lengthMax.tag), tag.text(2, lengthMax.tag)]),
    ),
    metadata: new Map(
      fields
        .message(common.metadata)
        .messages(1, listedMax)
        .map((filter) => [filter.text(1, lengthMax.tag), textsOf(filter.message(2))]),
    ),
  } as const;
}

function textsOf(struct: WireFields): ReadonlyMap<string, string> {
  return new Map(
    struct
      .messages(1, listedMax)
      .map((field) => [field.text(1, lengthMax.tag), field.message(2).text(3, lengthMax.name)] as const)
      .filter(([, text]) => isSaid(text)),
  );
}

function methodOf(value: number): string {
  return value === RequestMethod.METHOD_UNSPECIFIED ? '' : (RequestMethod[value] ?? '');
}

function msOf(duration: WireFields): number {
  return duration.count(1) * 1_000 + duration.count(2) / 1_000_000;
}

/** @returns undefined of what is no TCP address, as of a Unix socket. */
function addressOf(address: WireFields): SocketAddress | undefined {
  if (!address.has(1)) return undefined;
  const socket = address.message(1);
  const [host, port] = [socket.text(2, lengthMax.id), socket.count(3)];
  return host === '' || port > portMax ? undefined : { host, port };
}

/** @returns empty of none. */
export function formatAddress(address: SocketAddress | undefined): string {
  if (address === undefined) return '';
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

function isSaid(text: string): boolean {
  return text !== '';
}

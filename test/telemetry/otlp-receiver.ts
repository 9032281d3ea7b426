/**
 * A collector of a test: takes OTLP over HTTP as it comes over the wire, and reads of it what the tests ask for.
 *
 * It reads protobuf by field numbers, so that nothing of what sends is used to understand what was sent.
 * Source: opentelemetry-proto, collector/{metrics,trace}/v1 and {metrics,trace,common,resource}/v1.
 */
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { onTestFinished } from 'vitest';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Epoch ns. */
  readonly startNs: bigint;
  readonly endNs: bigint;
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly shape: 'gauge' | 'sum' | 'histogram';
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly metrics: Map<string, ReceivedMetric>;
  /** Attributes of the resource that sent last. */
  resource: Readonly<Record<string, string>>;
  readonly headers: Set<string>;
}

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    receiver.headers.add(String(request.headers['x-tenant']));
    if (request.url === '/v1/traces') {
      for (const { spans, resource } of spansIn(bytes)) {
        receiver.resource = resource;
        receiver.spans.push(...spans);
      }
    }
    if (request.url === '/v1/metrics') for (const group of inside(bytes, 1)) takeMetrics(group, receiver);
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const receiver: OtlpReceiver = {
    ...{ url: `http://127.0.0.1:${port}`, spans: [], metrics: new Map(), resource: {}, headers: new Set() },
  };
  return receiver;
}

export interface SpansOfOne {
  readonly resource: Readonly<Record<string, string>>;
  readonly spans: readonly ReceivedSpan[];
}

/** @param message an ExportTraceServiceRequest. @returns the spans of each resource. */
export function spansIn(message: Uint8Array): readonly SpansOfOne[] {
  return inside(message, 1).map((group) => ({
    resource: attributesOf(inside(group, 1)[0] ?? new Uint8Array(), 1),
    spans: inside(group, 2)
      .flatMap((scope) => inside(scope, 2))
      .map((span) => ({
        traceId: hex(inside(span, 1)[0]),
        spanId: hex(inside(span, 2)[0]),
        parentSpanId: hex(inside(span, 4)[0]),
        name: text(inside(span, 5)[0]),
        attributes: attributesOf(span, 9),
        startNs: fixed64(span, 7),
        endNs: fixed64(span, 8),
      })),
  }));
}

function takeMetrics(group: Uint8Array, receiver: OtlpReceiver): void {
  receiver.resource = attributesOf(inside(group, 1)[0] ?? new Uint8Array(), 1);
  for (const metric of inside(group, 2).flatMap((scope) => inside(scope, 2))) {
    const name = text(inside(metric, 1)[0]);
    const shape = inside(metric, 5).length > 0 ? 'gauge' : inside(metric, 7).length > 0 ? 'sum' : 'histogram';
    receiver.metrics.set(name, { name, unit: text(inside(metric, 3)[0]), shape });
  }
}

function attributesOf(message: Uint8Array, field: number): Record<string, string> {
  return Object.fromEntries(
    inside(message, field).map((pair) => {
      const value = inside(pair, 2)[0] ?? new Uint8Array();
      return [text(inside(pair, 1)[0]), text(inside(value, 1)[0])];
    }),
  );
}

/** Every length-delimited field of this number. */
function inside(message: Uint8Array, wanted: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  walk(message, (field, wire, reader) => {
    if (field !== wanted || wire !== WireType.LengthDelimited) return false;
    found.push(reader.bytes());
    return true;
  });
  return found;
}

function fixed64(message: Uint8Array, wanted: number): bigint {
  let value = 0n;
  walk(message, (field, wire, reader) => {
    if (field !== wanted || wire !== WireType.Bit64) return false;
    value = BigInt(reader.fixed64());
    return true;
  });
  return value;
}

/** @param take returns whether it has read the field. */
function walk(message: Uint8Array, take: (field: number, wire: WireType, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!take(field, wire, reader)) reader.skip(wire, field);
  }
}

function text(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('utf8');
}

function hex(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('hex');
}

/**
 * A collector that keeps what comes: `otlp-collector.ts --address A --cert FILE --key FILE`, one JSON line a message.
 *
 *   sidecars ──OTLP, gRPC over TLS──▶ 4317       workers ──OTLP, HTTP──▶ 4318       {"bytes": base64} ──▶ standard output
 *
 * It reads nothing of what it is sent. Prints `ready` once both ports are bound.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';

/** Ports that OTLP has by default. Source: OpenTelemetry protocol exporter, "Endpoint URLs". */
const [grpcPort, httpPort] = [4317, 4318];

const { values } = parseArgs({
  options: {
    address: { type: 'string', default: '' },
    cert: { type: 'string', default: '' },
    key: { type: 'string', default: '' },
  },
});
const { address, cert, key } = values;

const keep = (bytes: Buffer) => void process.stdout.write(`${JSON.stringify({ bytes: bytes.toString('base64') })}\n`);

const same = (bytes: Buffer) => bytes;
const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const grpc = new Server();
grpc.addService(
  { export: { path, requestStream: false, responseStream: false, ...codec } },
  {
    export({ request }: { readonly request: Buffer }, done: sendUnaryData<Buffer>) {
      keep(request);
      done(null, Buffer.alloc(0));
    },
  },
);
const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
await new Promise<void>((bound, failed) => {
  grpc.bindAsync(`${address}:${grpcPort}`, ServerCredentials.createSsl(null, [pair]), (error) =>
    error ? failed(error) : bound(),
  );
});

const http = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  keep(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
});
await new Promise<void>((bound) => http.listen(httpPort, address, bound));
process.stdout.write('ready\n');

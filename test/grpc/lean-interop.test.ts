/** The lean server and Node's own HTTP/2 client: random headers, bodies, windows and tables, several calls at once. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Authorization } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { createLeanServer, type LeanServer } from '../../src/grpc/lean-server.ts';
import { framed } from '../../src/grpc/message-frame.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { clientLeaf, serverLeaf, serverName, testAuthority } from './authority.ts';

let authority: Authority;
let server: LeanServer;
let port: number;

beforeAll(async () => {
  authority = await testAuthority();
  server = createLeanServer({
    address: '127.0.0.1:0',
    tls: { ...serverLeaf(authority), clientCaPem: authority.rootPem },
    requireClientCertificate: true,
  });
  server.addMethod(Authorization.method.check, {
    kind: 'unary',
    answer: (message, call) => ({
      kind: 'message',
      bytes: Buffer.concat([Buffer.from(JSON.stringify(['x-one', 'x-two'].map((name) => call.header(name)))), message]),
    }),
  });
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  port = bound.port;
});

afterAll(() => server.close(0));

interface Call {
  readonly one: string;
  readonly two: string;
  readonly body: Uint8Array;
}

/** As a field may have it: no blank at either end. */
const value = fc
  .string({ unit: fc.constantFrom(...'abcXYZ019 !"#$%&~{}<>;,/=\t'), maxLength: 60 })
  .map((text) => text.trim());
const call = fc.record({
  one: value,
  two: fc.constantFrom('constant', '', 'x'.repeat(3_000)),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat({ max: 90_000 }).map((bytes) => new Uint8Array(bytes).fill(7)),
  ),
});
const settings = fc.record({
  initialWindowSize: fc.constantFrom(100, 10_000, 65_535, 1_000_000),
  headerTableSize: fc.constantFrom(0, 100, 4_096, 65_536),
  maxFrameSize: fc.constantFrom(16_384, 100_000),
});

async function said(client: ClientHttp2Session, { one, two, body }: Call): Promise<{ text: string; status: unknown }> {
  const stream = client.request({
    ...{ ':method': 'POST', ':path': `/${Authorization.typeName}/Check`, 'content-type': 'application/grpc' },
    ...{ 'x-one': one, 'x-two': two },
  });
  let status: unknown;
  stream.on('trailers', (trailers) => {
    status = trailers['grpc-status'];
  });
  stream.end(framed(body));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { text: Buffer.concat(chunks).subarray(5).toString('latin1'), status };
}

test('Node’s client is understood, and understands, whatever it sends and however it sets its windows', async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(call, { minLength: 1, maxLength: 8 }), async (own, calls) => {
      const { certificateChainPem, privateKeyPem } = clientLeaf(authority);
      const client = connect(`https://${serverName}`, {
        settings: own,
        createConnection: () =>
          connectTls({
            ...{ host: '127.0.0.1', port, servername: serverName, ALPNProtocols: ['h2'] },
            ...{ ca: authority.rootPem, cert: certificateChainPem, key: privateKeyPem.reveal() },
          }),
      });
      client.on('error', () => undefined); // the calls on it fail by themselves
      try {
        if (own.initialWindowSize === 10_000) client.settings({ initialWindowSize: 70_000 }); // wider while calls are open
        const answers = await Promise.all(calls.map((each) => said(client, each)));
        expect(answers).toEqual(
          calls.map(({ one, two, body }) => ({
            text: JSON.stringify([one, two]) + Buffer.from(body).toString('latin1'),
            status: '0',
          })),
        );
      } finally {
        client.destroy();
      }
    }),
    { seed: Number(process.env['COFFRE_SEED']), numRuns: 40 },
  );
});

/** Batches over HTTP against collectors that are down, slow, wrong, rude, and sometimes well. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { HttpSink, type HttpSinkRules } from '../../src/siem/http-sink.io.ts';
import { retryAfterMs } from '../../src/siem/retry-after.ts';
import { delivered } from '../../src/siem/sink.ts';
import { serverLeaf, testAuthority } from '../grpc/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { type Answer, httpReceiver } from './http-receiver.ts';
import { forever, recordsTo } from './records.ts';

const nowMs = Date.UTC(2026, 10, 3);

function sinkTo(url: string | number, rules: Partial<HttpSinkRules> = {}): HttpSink {
  const sink = new HttpSink(
    { url: typeof url === 'number' ? `http://127.0.0.1:${url}/in` : url, ...rules },
    () => nowMs,
  );
  onTestFinished(() => sink.close());
  return sink;
}

const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (response) =>
    response.writeHead(status, headers).end(body);

test('a batch is one POST of a JSON array, and any 2xx is its delivery', async () => {
  for (const status of [200, 202, 204]) {
    const receiver = await httpReceiver(answering(status));
    expect(await sinkTo(receiver.port).deliver(recordsTo(3), forever)).toEqual(delivered);
    const [{ headers, body } = { headers: {}, body: '' }, ...none] = receiver.requests;
    expect(none).toEqual([]);
    expect(headers['content-type']).toBe('application/json');
    const read: { readonly metadata: { readonly uid: string } }[] = JSON.parse(body);
    expect(read.map(({ metadata }) => metadata.uid)).toEqual(['ev-1', 'ev-2', 'ev-3']);
  }
});

test.each([401, 403, 404, 408, 429, 500, 502, 503])(
  '%i says nothing of the records: they come again',
  async (status) => {
    const receiver = await httpReceiver(answering(status, {}, 'no\u0007\n'));
    expect(await sinkTo(receiver.port).deliver(recordsTo(2), forever)).toEqual({
      kind: 'retry',
      message: `answered ${status}: no`,
    });
  },
);

test.each([400, 413, 415, 422])('%i says that a record in it is not taken', async (status) => {
  const receiver = await httpReceiver(answering(status, {}, 'bad record'));
  const expected = { kind: 'refused', message: `answered ${status}: bad record` };
  expect(await sinkTo(receiver.port).deliver(recordsTo(2), forever)).toEqual(expected);
});

test('a redirect is not followed, and the authorization goes nowhere else', async () => {
  const elsewhere = await httpReceiver(answering(200));
  const location = `http://127.0.0.1:${elsewhere.port}/`;
  for (const status of [301, 302, 303, 307, 308]) {
    const receiver = await httpReceiver(answering(status, { location }));
    const delivery = await sinkTo(receiver.port).deliver(recordsTo(1), forever);
    expect(delivery).toMatchObject({ kind: 'retry', message: expect.stringMatching(/redirects are not followed/) });
  }
  expect(elsewhere.requests).toEqual([]);
});

test('the authorization is read again for each batch, and a file that holds none stops it', async () => {
  const receiver = await httpReceiver(answering(200));
  const authorizationFile = join(await temporaryFolder(), 'token');
  const sink = sinkTo(receiver.port, { authorizationFile });
  expect(await sink.deliver(recordsTo(1), forever)).toMatchObject({ message: expect.stringMatching(/ENOENT/) });
  for (const value of ['Bearer one', 'Bearer two']) {
    await writeFile(authorizationFile, `${value}\n`);
    expect(await sink.deliver(recordsTo(1), forever)).toEqual(delivered);
  }
  await writeFile(authorizationFile, 'Bearer one\r\nx-evil: 1');
  const delivery = await sink.deliver(recordsTo(1), forever);
  expect(delivery).toEqual({
    kind: 'retry',
    message: `${authorizationFile} holds no value of an Authorization header`,
  });
  expect(receiver.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two']);
});

test('a collector that is down, and one that answers garbage, are tried later', async () => {
  expect(await sinkTo(1).deliver(recordsTo(1), forever)).toMatchObject({ kind: 'retry' });
  const server = createServer(
    (socket) => void socket.on('error', () => undefined).end('\u0000\u0001 not HTTP at all\r\n\r\n'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await sinkTo(port).deliver(recordsTo(1), forever)).toMatchObject({ kind: 'retry' });
});

test('a collector that never answers is given up at the deadline', async () => {
  const deadline = new AbortController();
  const receiver = await httpReceiver(() => deadline.abort());
  expect(await sinkTo(receiver.port).deliver(recordsTo(1), deadline.signal)).toMatchObject({ kind: 'retry' });
});

test.each([
  [200, delivered],
  [500, expect.objectContaining({ kind: 'retry' })],
])('of a body without end no more is read than a message needs: %i', async (status, expected) => {
  const receiver = await httpReceiver((response) => {
    response.writeHead(status, { 'content-type': 'text/plain' });
    const pour = (): void => {
      while (response.write('x'.repeat(1_024)));
      response.once('drain', pour);
    };
    pour();
  });
  const sink = sinkTo(receiver.port);
  expect(await sink.deliver(recordsTo(1), forever)).toEqual(expected);
  const again = await sink.deliver(recordsTo(1), forever);
  expect(again).toEqual(expected);
  if (again.kind === 'retry') expect(again.message.length).toBeLessThan(400);
});

test('it speaks https to a name that the CA vouches for, and to nobody else', async () => {
  const [authority, other] = await Promise.all([testAuthority(), testAuthority()]);
  const { certificateChainPem, privateKeyPem } = serverLeaf(authority);
  const receiver = await httpReceiver(answering(200), { cert: certificateChainPem, key: privateKeyPem.reveal() });
  const caFile = join(await temporaryFolder(), 'ca.pem');
  for (const trusted of [authority, other]) {
    await writeFile(caFile, trusted.rootPem);
    // The certificate is of another name than the address, whoever vouches for it.
    const sink = sinkTo(`https://127.0.0.1:${receiver.port}/`, { caFile });
    expect(await sink.deliver(recordsTo(1), forever)).toMatchObject({ kind: 'retry' });
  }
  expect(receiver.requests).toEqual([]);
});

test('events leave this host under TLS or not at all', async () => {
  for (const url of ['http://siem.example/', 'http://localhost/', 'http://10.0.0.1/', 'ftp://127.0.0.1/', 'nonsense'])
    expect(await sinkTo(url).deliver(recordsTo(1), forever)).toMatchObject({ kind: 'retry' });
});

test('a wait that the server asks for is kept, in seconds or as a date, up to five minutes', async () => {
  const receiver = await httpReceiver(answering(429, { 'retry-after': '17' }));
  expect(await sinkTo(receiver.port).deliver(recordsTo(1), forever)).toMatchObject({ kind: 'retry', afterMs: 17_000 });
  const wants: readonly (readonly [string | undefined, number | undefined])[] = [
    [new Date(nowMs + 5_000).toUTCString(), 5_000],
    [new Date(nowMs - 5_000).toUTCString(), 0],
    ['999999999', 300_000],
    ['soon', undefined],
    [undefined, undefined],
  ];
  for (const [header, want] of wants) expect(retryAfterMs(header, nowMs)).toBe(want);
});

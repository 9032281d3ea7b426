/** Syslog over TLS against a real receiver: who it is, that it read everything, and what is said to it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Authority } from '../../src/identity/authority.ts';
import { delivered } from '../../src/siem/sink.ts';
import { SyslogSink, type SyslogSinkRules } from '../../src/siem/syslog-sink.io.ts';
import { serverName, testAuthority } from '../grpc/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { forever, idIn, record, recordsTo } from './records.ts';
import { type TlsReceiver, tlsReceiver } from './tls-receiver.ts';

let authority: Authority;
let other: Authority;

beforeAll(async () => {
  [authority, other] = await Promise.all([testAuthority(), testAuthority()]);
});

async function sinkTo({ port }: TlsReceiver, rules: Partial<SyslogSinkRules> = {}, trusted = authority) {
  const caFile = join(await temporaryFolder(), 'ca.pem');
  await writeFile(caFile, trusted.rootPem);
  return new SyslogSink({ address: '127.0.0.1', port, serverName, caFile, ...rules }, 'coffre-0');
}

test('every record is one message of RFC 5424, framed by its octets', async () => {
  const receiver = await tlsReceiver(authority);
  const sink = await sinkTo(receiver);
  expect(await sink.deliver(recordsTo(500), forever)).toEqual(delivered);
  expect(receiver.messages).toHaveLength(500);
  const [first = ''] = receiver.messages;
  const head = /^<109>1 2026-11-03T09:00:00\.125Z coffre-0 coffre - denial \[coffre@32473 id="ev-1" tenant="shop"\] /;
  expect(first).toMatch(head);
  expect(idIn(first.replace(head, ''))).toBe('ev-1');
});

test('delivered means that the receiver has read to the end: one that dies before that is told again', async () => {
  const receiver = await tlsReceiver(authority, {}, (socket) => socket.once('data', () => socket.destroy()));
  const sink = await sinkTo(receiver);
  expect(await sink.deliver(recordsTo(5_000), forever)).toMatchObject({ kind: 'retry' });
});

test('a receiver that never reads is given up at the deadline', async () => {
  const deadline = new AbortController();
  const receiver = await tlsReceiver(authority, { allowHalfOpen: true }, (socket) => {
    socket.pause();
    deadline.abort();
  });
  const sink = await sinkTo(receiver);
  expect(await sink.deliver(recordsTo(10), deadline.signal)).toEqual({
    kind: 'retry',
    message: 'the receiver did not read to the end in time',
  });
});

test('what a receiver says is not wanted and does no harm', async () => {
  const receiver = await tlsReceiver(authority, {}, (socket, receive) => {
    socket.write('HTTP/1.1 500 what?\r\n\r\n'.repeat(100));
    receive();
  });
  expect(await (await sinkTo(receiver)).deliver(recordsTo(2), forever)).toEqual(delivered);
  expect(receiver.messages).toHaveLength(2);
});

test('nothing is sent to a receiver of another name, of another root, or before TLS 1.2', async () => {
  const receiver = await tlsReceiver(authority);
  const old = await tlsReceiver(authority, {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const wrong = [
    await sinkTo(receiver, { serverName: 'siem.example' }),
    await sinkTo(receiver, { serverName: '127.0.0.1' }),
    await sinkTo(receiver, {}, other),
    await sinkTo(old),
  ];
  for (const sink of wrong) expect(await sink.deliver([record(1)], forever)).toMatchObject({ kind: 'retry' });
  expect([...receiver.messages, ...old.messages]).toEqual([]);
});

test('a receiver that is not there, and a CA file that is not, are reasons to try later', async () => {
  const receiver = await tlsReceiver(authority);
  const missing = await sinkTo(receiver, { caFile: '/nonexistent/ca.pem' });
  expect(await missing.deliver([record(1)], forever)).toMatchObject({ message: expect.stringMatching(/ENOENT/) });
  const down = await sinkTo(receiver, { port: 1 });
  expect(await down.deliver([record(1)], forever)).toMatchObject({ message: expect.stringMatching(/ECONNREFUSED/) });
});

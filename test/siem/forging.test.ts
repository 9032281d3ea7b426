/** Log forging: what a caller writes into a path, a host name or an SNI stays inside its one record, in every sink. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { recordOf } from '../../src/siem/batch.ts';
import { FileSink } from '../../src/siem/file-sink.io.ts';
import { HttpSink } from '../../src/siem/http-sink.io.ts';
import { ocsfOf } from '../../src/siem/ocsf.ts';
import { oneLine } from '../../src/siem/one-line.ts';
import type { Sink, SinkRecord } from '../../src/siem/sink.ts';
import { StreamSink } from '../../src/siem/stream-sink.io.ts';
import { syslogFrame } from '../../src/siem/syslog-frame.ts';
import { SyslogSink } from '../../src/siem/syslog-sink.io.ts';
import { serverName, testAuthority } from '../grpc/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { httpReceiver } from './http-receiver.ts';
import { forever, idIn } from './records.ts';
import { placed, sampleEvents } from './sample-events.ts';
import { tlsReceiver, unframe } from './tls-receiver.ts';

/** What forgers write, and everything else that a string can hold. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom(...'\n\r\0\u001b[2J"\\]\'{}\u0085\u2028\u2029\u202e\u200f\ud800\udc00é💥 1 <109>1 '))
    .map((parts) => parts.join('')),
  fc.constantFrom('x"] evil\n<109>1 - - - - - forged', '"}\n{"class_uid":2004}', '\ud83d', '💥'.repeat(5_000)),
);

const event = fc
  .tuple(fc.constantFrom(...Object.values(sampleEvents)), hostile, hostile)
  .map(([sample, one, other]) => poisoned(sample, one, other));

test('SEC-58 a record is one line of ASCII, whatever is in it, and no larger than 64 KiB', () => {
  fc.assert(
    fc.property(event, fc.constantFrom('shape', 'whole'), (poison, paths) => {
      const { line } = recordOf(ocsfOf(placed(poison, 1), { paths }));
      expect(line).toMatch(/^[ -~]+$/);
      expect(line.length).toBeLessThan(65_536);
      expect(JSON.parse(line)).toMatchObject({ metadata: { event_code: poison.kind } });
    }),
  );
});

test('a text comes back whole from its line, but for lone surrogates', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(JSON.parse(oneLine({ text }))).toEqual({ text: text.toWellFormed() });
    }),
  );
});

test('a frame of syslog holds its one message, with a header that nobody forged', () => {
  fc.assert(
    fc.property(event, hostile, hostile, (poison, id, tenant) => {
      const record = recordOf(ocsfOf(placed({ ...poison, id, tenant }, 1), { paths: 'whole' }));
      const frame = syslogFrame(record, `host\n${tenant}`);
      const { messages, rest } = unframe(Buffer.from(frame));
      expect([messages.length, rest.length]).toEqual([1, 0]);
      const parts =
        /^<\d+>1 \S+ [!-~]+ coffre - [a-z-]+ \[coffre@32473 id="((?:[^"\\\]]|\\.)*)" tenant="((?:[^"\\\]]|\\.)*)"\] (\{.*\})$/su;
      const [, told, , json = ''] = parts.exec(messages[0] ?? '') ?? [];
      expect(told).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      expect(JSON.parse(json)).toMatchObject({ metadata: { uid: id.toWellFormed() } });
    }),
  );
});

let authority: Authority;

beforeAll(async () => {
  authority = await testAuthority();
});

test('through every sink as many records come out as went in, each under its own id', async () => {
  const records = fc
    .sample(event, 60)
    .map((poison, index) => recordOf(ocsfOf(placed({ ...poison, id: `ev-${index}` }, index + 1), { paths: 'whole' })));
  const ids = records.map(({ id }) => id);
  expect(await throughFile(records)).toEqual(ids);
  expect(await throughStream(records)).toEqual(ids);
  expect(await throughHttp(records)).toEqual(ids);
  expect(await throughSyslog(records)).toEqual(ids);
});

async function throughFile(records: readonly SinkRecord[]): Promise<string[]> {
  const path = join(await temporaryFolder(), 'events.jsonl');
  await handed(new FileSink({ path, rotateBytes: 10_000_000, keep: 1 }), records);
  return idsOf(await readFile(path, 'utf8'));
}

async function throughStream(records: readonly SinkRecord[]): Promise<string[]> {
  const stream = new PassThrough({ highWaterMark: 10_000_000 });
  await handed(new StreamSink(stream), records);
  return idsOf(String(stream.read()));
}

async function throughHttp(records: readonly SinkRecord[]): Promise<string[]> {
  const { port, requests } = await httpReceiver((response) => response.end());
  await handed(new HttpSink({ url: `http://127.0.0.1:${port}` }, () => 0), records);
  const read: unknown[] = JSON.parse(requests.map(({ body }) => body).join(''));
  return read.map((record) => idIn(JSON.stringify(record)));
}

async function throughSyslog(records: readonly SinkRecord[]): Promise<string[]> {
  const { port, messages } = await tlsReceiver(authority);
  const { caFile } = await caOf(authority);
  await handed(new SyslogSink({ address: '127.0.0.1', port, serverName, caFile }, 'coffre-0'), records);
  return messages.map((message) => idIn(message.slice(message.indexOf('] {') + 2)));
}

async function caOf({ rootPem }: Authority) {
  const caFile = join(await temporaryFolder(), 'ca.pem');
  await writeFile(caFile, rootPem);
  return { caFile };
}

async function handed(sink: Sink, records: readonly SinkRecord[]): Promise<void> {
  expect(await sink.deliver(records, forever)).toEqual({ kind: 'delivered' });
  await sink.close();
}

function idsOf(text: string): string[] {
  return text.split('\n').slice(0, -1).map(idIn);
}

/** Every text that a peer may choose is one of the two. */
function poisoned(sample: EvidenceEvent, one: string, other: string): EvidenceEvent {
  const texts: Readonly<Record<string, string>> = {
    host: one,
    path: other,
    method: one,
    sni: one,
    claimed: other,
    address: other,
    reason: one,
    message: other,
    text: one,
    body: other,
    about: one,
    where: other,
    person: one,
    subject: other,
    stream: one,
  };
  const walked: unknown = JSON.parse(JSON.stringify(sample), (key, value) =>
    typeof value === 'string' ? (texts[key] ?? value) : value,
  );
  return walked as EvidenceEvent;
}

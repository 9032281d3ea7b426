/** The access log service over a real socket, with a client that behaves as Envoy does. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { AccessLogService, type StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import {
  type AccessLogEvent,
  addAccessLogService,
  type ProxyRecord,
} from '../../src/evidence/access-log-service.io.ts';
import { admitAs, reporter, reportServer } from '../grpc/report-server.ts';
import { TestClock } from '../xds/test-clock.ts';

const { streamAccessLogs } = AccessLogService.method;
const web = 'shop/web-0';

async function started() {
  const clock = new TestClock();
  const records: ProxyRecord[] = [];
  const events: AccessLogEvent[] = [];
  const address = await reportServer((server) =>
    addAccessLogService(server, {
      clock,
      admit: admitAs,
      logged: (record) => void records.push(record),
      observe: (event) => void events.push(event),
    }),
  );
  return { clock, records, events, address };
}

const oneConnection: MessageInitShape<typeof StreamAccessLogsMessageSchema> = {
  logEntries: { case: 'tcpLogs', value: { logEntry: [{ commonProperties: {} }] } },
};

test('a record bears the name of the credentials, whatever node the stream claims to be', async () => {
  const { address, records, clock } = await started();
  const stream = reporter(address, streamAccessLogs, web);
  stream.send({ ...oneConnection, identifier: { node: { id: 'shop/somebody-else' }, logName: 'shop/db/5432' } });
  stream.send(oneConnection);
  await expect.poll(() => records).toHaveLength(2);
  for (const record of records) {
    expect(record).toMatchObject({ proxy: web, cluster: 'shop/db/5432', atMs: clock.nowMs() });
  }
  stream.end();
  expect(await stream.status).toBe(status.OK);
});

test('a message that makes no sense is dropped and counted, and the next one is heard', async () => {
  const { address, records, events } = await started();
  const stream = reporter(address, streamAccessLogs, web);
  stream.sendBytes(Buffer.from('no message'));
  stream.send(oneConnection);
  await expect.poll(() => records).toHaveLength(1);
  expect(events.slice(1)).toEqual([{ kind: 'log-dropped', key: web, why: 'malformed', count: 1 }]);
});

test('nobody in particular is refused, and nothing that was sent is heard', async () => {
  const { address, records, events } = await started();
  const stream = reporter(address, streamAccessLogs);
  stream.send(oneConnection);
  expect(await stream.status).toBe(status.UNAUTHENTICATED);
  expect(records).toEqual([]);
  expect(events).toMatchObject([{ kind: 'refused', reason: 'nobody in particular' }]);
});

import { expect, test } from 'vitest';
import { connectionsIn } from '../../src/lab/postgres.ts';

const log = `2026-01-05 10:00:00.000 UTC [7] LOG:  database system is ready to accept connections
2026-01-05 10:00:01.000 UTC [9] LOG:  connection received: host=127.0.0.1 port=40112
2026-01-05 10:00:01.001 UTC [9] LOG:  connection authorized: user=postgres database=postgres application_name=psql
2026-01-05 10:00:02.000 UTC [11] LOG:  connection received: host=::1 port=40114
2026-01-05 10:00:03.000 UTC [13] LOG:  connection received: host=127.0.0.1 port=401`;

test("PostgreSQL's log tells each connection once, as it is received, and none of a line still being written", () => {
  expect(connectionsIn(log, 5_432)).toEqual([
    { kind: 'connection', port: 5_432, peer: '127.0.0.1', peerPort: 40_112 },
    { kind: 'connection', port: 5_432, peer: '::1', peerPort: 40_114 },
  ]);
});

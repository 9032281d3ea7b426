/** The store in PostgreSQL keeps what every store keeps: one suite, against a real server. */
import { afterAll, beforeAll, describe } from 'vitest';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { describeStore } from '../sqlite/store-contract.ts';
import { PostgresServer } from './postgres-server.ts';
import { PostgresWorld } from './postgres-world.ts';

describe.skipIf(postgresBinaries() === undefined)('with a server (skipped where there is no PostgreSQL)', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start();
  });

  afterAll(() => server.remove());

  describeStore('PostgreSQL', () => PostgresWorld.make(server));
});

/** What a control plane's own role may do, and over which wire: what its password is worth to a thief. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postgresGrants, postgresSchema } from '../../../src/evidence/postgres/postgres-schema.ts';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { denial, noonMs, sampled } from '../event-samples.ts';
import { giveToServer, PostgresServer } from './postgres-server.ts';
import { PostgresWorld } from './postgres-world.ts';

const role = 'control_plane';
const secret = 'of the role';

describe.skipIf(postgresBinaries() === undefined)(
  'the role and the wire (skipped where there is no PostgreSQL)',
  () => {
    let server: PostgresServer;
    let world: PostgresWorld;
    let certificates: string;

    beforeAll(async () => {
      certificates = mkdtempSync(join(tmpdir(), 'coffre-pg-tls-'));
      const at = (name: string) => join(certificates, name);
      const openssl = (...argv: readonly string[]) => execFileSync('openssl', argv, { stdio: 'pipe', timeout: 30_000 });
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
      for (const ca of ['ca', 'stranger'])
        openssl('req', '-x509', ...key, '-keyout', at(`${ca}.key`), '-out', at(`${ca}.pem`), '-subj', `/CN=${ca}`);
      openssl('req', ...key.slice(0, -2), '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=db');
      writeFileSync(at('san'), 'subjectAltName=IP:127.0.0.1\n');
      const issuer = [
        '-CA',
        at('ca.pem'),
        '-CAkey',
        at('ca.key'),
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        at('san'),
      ];
      openssl('x509', '-req', '-in', at('server.csr'), ...issuer, '-out', at('server.pem'));
      giveToServer(certificates, at('server.key'), at('server.pem'));
      server = await PostgresServer.start({
        ssl: 'on',
        ssl_cert_file: at('server.pem'),
        ssl_key_file: at('server.key'),
      });
      await server.sql('postgres', `CREATE ROLE ${role} LOGIN PASSWORD '${secret}'`);
    });
    beforeEach(async () => {
      world = await PostgresWorld.make(server);
    });
    afterEach(() => world.remove());
    afterAll(async () => {
      await server.remove();
      rmSync(certificates, { recursive: true });
    });

    const asRole = () => server.addressOf(world.database, { user: role, secret });

    async function refusalOf(sql: string): Promise<string> {
      const client = new pg.Client({ connectionString: asRole() });
      await client.connect();
      try {
        await client.query(sql);
        return 'allowed';
      } catch (error) {
        return String(error);
      } finally {
        await client.end();
      }
    }

    test('with its grants a control plane can do all that a store does', async () => {
      await world.tamper(postgresSchema, postgresGrants(role));
      const store = await world.open({ connectionString: asRole() });
      expect([store.blocked(), store.findings]).toEqual([undefined, []]);
      expect((await store.append([sampled('a'), denial('b')])).kind).toBe('kept');
      expect(store.appendDrill('vault/slow', 0, '1', { atMs: noonMs, tenant: 'vault' }).kind).toBe('appended');
      expect(store.probe()).toBeUndefined();
      expect(await store.query({ limit: 10 })).toMatchObject({ kind: 'events', more: false });
      expect(await store.prune({ traffic: 0, audit: 0, security: 0 }, noonMs + 1)).toMatchObject({ kind: 'pruned' });
      expect((await world.verify()).findings).toEqual([]);
    });

    test('with its grants it can change no record, and take none away that no record announced', async () => {
      await world.tamper(postgresSchema, postgresGrants(role));
      const store = await world.open({ connectionString: asRole() });
      await store.append([denial('a'), denial('b')]);
      const denied = [
        `UPDATE coffre.record SET body = NULL`,
        `UPDATE coffre.record SET tenant = 'x'`,
        'DELETE FROM coffre.record',
        'TRUNCATE coffre.record',
        'DELETE FROM coffre.head',
        `INSERT INTO coffre.head VALUES ('x', 1, '', 1, '')`,
        `INSERT INTO coffre.base VALUES ('x', 1, '', 1, '')`,
        `UPDATE coffre.replica SET public_key = ''`,
        'DELETE FROM coffre.replica',
        'DROP TABLE coffre.record',
        'CREATE TABLE coffre.more (x integer)',
      ];
      for (const sql of denied)
        expect([sql, await refusalOf(sql)]).toEqual([sql, expect.stringMatching(/permission denied|must be owner/)]);
      const taking = `SELECT coffre.take_bodies('replica-1', 'security', ${noonMs + 1}, 10)`;
      expect(await refusalOf(taking)).toContain('no record of replica-1 says that class security is pruned so far');
      const dropping = `SELECT coffre.drop_beginning('replica-1', 1, encode(link, 'hex'), 0, '') FROM coffre.record WHERE position = 1`;
      expect(await refusalOf(dropping)).toContain('cannot go up to position 1');
    });

    test('without tables and without the right to make them it says what is to be done', async () => {
      const store = await world.open({ connectionString: asRole() });
      expect(store.blocked()).toMatch(
        /its tables are missing, and could not be made \(permission denied.*let the owner/,
      );
    });

    test('tables of a newer version are left alone', async () => {
      await world.tamper(postgresSchema, 'UPDATE coffre.format SET number = 2');
      expect((await world.open()).blocked()).toContain('its tables are in format 2, and this version knows 1');
    });

    test('with its CA the server is trusted, and each connection is TLS', async () => {
      const connectionString = `${world.connectionString}?sslmode=verify-full&sslrootcert=${join(certificates, 'ca.pem')}`;
      const store = await world.open({ connectionString });
      expect(store.blocked()).toBeUndefined();
      await store.query({ limit: 1 });
      const sessions = await world.tamper(
        `SELECT ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE application_name = 'coffre' AND datname = current_database()`,
      );
      expect(sessions).toEqual([{ ssl: true }, { ssl: true }]);
    });

    test.each([
      ['a strange CA', () => `127.0.0.1:${server.port}`, 'stranger.pem', 'unable to verify'],
      ['another name', () => `localhost:${server.port}`, 'ca.pem', 'altnames'],
    ])('a server of %s is refused', async (_, host, ca, said) => {
      const file = join(certificates, ca);
      expect(readFileSync(file, 'utf8')).toContain('CERTIFICATE');
      const address = `postgres://postgres:x@${host()}/${world.database}?sslrootcert=${file}`;
      expect((await world.open({ connectionString: address })).blocked()).toContain(said);
    });
  },
);

test('the page shows exactly the grants that are tried here', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/evidence.md'), 'utf8');
  expect(page).toContain(`\`\`\`sql\n${postgresGrants(role)}\n\`\`\``);
});

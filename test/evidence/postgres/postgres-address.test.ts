/** What a connection string may say: nobody talks to a store in plaintext, or to a server that proved nothing. */
import { describe, expect, test } from 'vitest';
import {
  type PostgresAddress,
  parsePostgresAddress,
  placeOf,
} from '../../../src/evidence/postgres/postgres-address.ts';

function parsed(text: string): PostgresAddress {
  const address = parsePostgresAddress(text);
  if ('refused' in address) throw new Error(address.refused);
  return address;
}

describe('a connection string', () => {
  test('of another machine means TLS, verified by name', () => {
    expect(parsed('postgres://me:s%40crt@db.example/evidence\n')).toEqual({
      ...{ host: 'db.example', port: 5_432, user: 'me', password: 's@crt', database: 'evidence', tls: {} },
    });
    const own = parsed(
      'postgresql://me:x@db.example:6432/e?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c&sslkey=/k',
    );
    expect(own.tls).toEqual({ caFile: '/ca.pem', client: { certificateFile: '/c', keyFile: '/k' } });
    expect(own.port).toBe(6_432);
  });

  test.each([
    'postgres://me:x@127.0.0.1/e',
    'postgres://me:x@[::1]/e',
    'postgres://me:x@127.0.0.1/e?sslmode=disable',
    'postgres://me@/e?host=/run/postgresql',
    'postgres://me:x@/e?host=/run/postgresql&sslmode=disable',
  ])('of this machine needs none: %s', (text) => {
    expect(parsed(text)).not.toHaveProperty('tls');
  });

  test('of this machine gets it if it asks', () => {
    expect(parsed('postgres://me:x@127.0.0.1/e?sslmode=verify-full').tls).toEqual({});
    expect(parsed('postgres://me:x@127.0.0.1/e?sslrootcert=/ca.pem').tls).toEqual({ caFile: '/ca.pem' });
  });

  test('of a mere name is of another machine', () => {
    expect(parsed('postgres://me:x@localhost/e').tls).toEqual({});
  });

  test.each(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'no-verify'])(
    'that asks for sslmode=%s elsewhere is refused',
    (mode) => {
      expect(parsePostgresAddress(`postgres://me:x@db.example/e?sslmode=${mode}`)).toEqual({
        refused: expect.stringContaining('does not prove who answers at `db.example`'),
      });
    },
  );

  test.each([
    ['', 'no connection string'],
    ['mysql://me:hidden@db/e', 'no connection string'],
    ['host=db password=hidden', 'no connection string'],
    ['postgres://db.example/e', 'must be named'],
    ['postgres://me:hidden@db.example/', 'must be named'],
    ['postgres://me:hidden%@db.example/e', 'must be named'],
    ['postgres://me:hidden@db.example/e?options=-csynchronous_commit=off', 'setting `options` is not known'],
    ['postgres://me:hidden@db.example/e?sslcert=/c', 'go together'],
  ])('that is none is refused, and its password not repeated: %s', (text, said) => {
    const { refused } = parsePostgresAddress(text) as { readonly refused: string };
    expect(refused).toContain(said);
    expect(refused).not.toContain('hidden');
  });

  test('is told without user and password', () => {
    expect(placeOf(parsed('postgres://me:hidden@[::1]:6000/e'))).toBe('PostgreSQL at [::1]:6000/e');
  });
});

/** People in the evidence: named while their tenant's key lives, and never after. */
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import type { HumanAction } from '../../../src/evidence/event.ts';
import { erasePersons } from '../../../src/evidence/people/erase-persons.ts';
import { openHeadKey, openPersonWrapKey } from '../../../src/evidence/people/evidence-keys.io.ts';
import { PersonKeyFolder } from '../../../src/evidence/people/person-keys.io.ts';
import { type PersonSeal, personSeal } from '../../../src/evidence/people/person-seal.ts';
import type { SealedRecords } from '../../../src/evidence/people/sealed-records.ts';
import { noonMs } from '../event-samples.ts';
import { SqliteWorld } from '../sqlite/sqlite-world.ts';

const wrapKey = createSecretKey(randomBytes(32));
const entropy = { bytes: (length: number) => randomBytes(length) };
let folder: string;
let keys: PersonKeyFolder;
let people: PersonSeal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-persons-'));
  keys = new PersonKeyFolder(folder, wrapKey);
  people = personSeal({ keys, entropy });
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('a sealed person', () => {
  test('is told by the tenant’s key, and shows no name without it', () => {
    const token = people.seal('vault', 'ann@example.com');
    expect(token).toMatch(/^p:[0-9a-f]{12}:[\w-]+$/);
    expect(token).not.toContain('ann');
    expect(people.reveal('vault', token)).toBe('ann@example.com');
  });

  test('has one pseudonym in one tenant, and another in another', () => {
    const pseudonym = (tenant: string, name: string) => people.seal(tenant, name).split(':')[1];
    expect(pseudonym('vault', 'ann')).toBe(pseudonym('vault', 'ann'));
    expect(pseudonym('vault', 'ann')).not.toBe(pseudonym('vault', 'bob'));
    expect(pseudonym('vault', 'ann')).not.toBe(pseudonym('atelier', 'ann'));
  });

  test('of one tenant is not told by the key of another', () => {
    people.seal('atelier', 'bob');
    const token = people.seal('vault', 'ann');
    expect(people.reveal('atelier', token)).toBe(token.split(':').slice(0, 2).join(':'));
  });

  test('whose token was altered is not told, and a text that is no token stays as it is', () => {
    const token = people.seal('vault', 'ann');
    const last = token.endsWith('A') ? 'B' : 'A';
    expect(people.reveal('vault', `${token.slice(0, -3)}${last}${token.slice(-2)}`)).not.toBe('ann');
    expect(people.reveal('vault', 'owner')).toBe('owner');
    expect(people.reveal('vault', 'p:0123456789ab:AA')).toBe('p:0123456789ab');
  });

  test('who calls himself by a token is sealed like anybody', () => {
    const token = people.seal('vault', 'ann');
    const posed = people.seal('vault', token);
    expect(posed).not.toBe(token);
    expect(people.reveal('vault', posed)).toBe(token);
  });
});

describe('the keys of people', () => {
  test('outlive the process, are wrapped, and are their owner’s only', () => {
    const token = people.seal('vault', 'ann');
    const again = new PersonKeyFolder(folder, wrapKey);
    expect(personSeal({ keys: again, entropy }).reveal('vault', token)).toBe('ann');
    const path = join(folder, 'vault.key');
    expect(readdirSync(folder)).toEqual(['vault.key']);
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(readFileSync(path).includes(Buffer.from(keys.keyFor('vault')))).toBe(false);
  });

  test('damaged or wrapped by another are refused, and never replaced', () => {
    people.seal('vault', 'ann');
    const stranger = new PersonKeyFolder(folder, createSecretKey(randomBytes(32)));
    expect(() => stranger.keyFor('vault')).toThrow('is damaged');
    writeFileSync(join(folder, 'vault.key'), 'short');
    expect(() => new PersonKeyFolder(folder, wrapKey).keyFor('vault')).toThrow('is damaged');
  });

  test('are kept under the names of tenants and no other path', () => {
    for (const name of ['../vault', 'a/b', '', '.', 'A', 'x'.repeat(64)]) {
      expect(() => keys.keyFor(name)).toThrow('is no name of a tenant');
    }
  });
});

test('a tenant’s people are erased by its key, the chain says so and stays valid', async () => {
  const world = new SqliteWorld();
  try {
    const store = await world.open();
    const action = (id: string, person: string): HumanAction => ({
      ...{ kind: 'human-action', id, atMs: noonMs, tenant: 'vault', person, method: 'drill.start' },
      ...{ about: 'vault/slow', status: 200 },
    });
    const token = people.seal('vault', 'ann');
    await store.append([action('before', token)]);
    const ports = { keys, store, clock: { nowMs: () => noonMs }, newId: () => 'erased-1' };
    expect((await erasePersons('vault', ports)).kind).toBe('kept');
    expect(await erasePersons('vault', ports)).toEqual({ kind: 'no-key' });
    expect(readdirSync(folder)).toEqual([]);
    expect(people.reveal('vault', token)).toBe(token.split(':').slice(0, 2).join(':'));
    expect(personSeal({ keys: new PersonKeyFolder(folder, wrapKey), entropy }).reveal('vault', token)).not.toContain(
      'ann',
    );
    const told = await store.query({ tenant: 'vault', limit: 10 });
    expect(told).toMatchObject({ events: [{ event: { what: 'key-destroyed' } }, { event: { person: token } }] });
    expect((await verifyFile(world.path, { publicKeyPem: world.publicKeyPem })).findings).toEqual([]);
    // Who comes afterwards has a key of his own, which tells nothing of before.
    expect(people.reveal('vault', people.seal('vault', 'bob'))).toBe('bob');
    expect(people.reveal('vault', token)).not.toContain('ann');
  } finally {
    await world.remove();
  }
});

describe('the keys of a replica', () => {
  class Records implements SealedRecords {
    readonly kept = new Map<string, object>();

    async read(name: string): Promise<unknown> {
      return this.kept.get(name);
    }

    async create(name: string, record: object): Promise<boolean> {
      if (this.kept.has(name)) return false;
      this.kept.set(name, record);
      return true;
    }
  }

  test('are made once and read ever after, one for each replica', async () => {
    const records = new Records();
    const first = await openHeadKey(records, 'replica-1');
    expect((await openHeadKey(records, 'replica-1')).equals(first)).toBe(true);
    expect((await openHeadKey(records, 'replica-2')).equals(first)).toBe(false);
    const wrap = await openPersonWrapKey(records);
    expect((await openPersonWrapKey(records)).equals(wrap)).toBe(true);
    expect([...records.kept.keys()]).toEqual([
      'evidence/replica-1-head',
      'evidence/replica-2-head',
      'evidence/persons',
    ]);
  });

  test('that a record does not hold are not made up', async () => {
    const records = new Records();
    const privateKey = generateKeyPairSync('ed25519').privateKey;
    records.kept.set('evidence/replica-1-head', { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) });
    await expect(openHeadKey(records, 'replica-1')).rejects.toThrow('has no `privateKey`');
  });
});

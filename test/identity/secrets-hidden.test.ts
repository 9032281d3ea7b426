/** Nothing that prints, logs or serialises an object of this room gives a key away; nor does the disk. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { StateFolder } from '../../src/identity/state-folder.io.ts';
import { dayMs, fakePorts } from './fake-ports.ts';
import { stolenIssuer } from './forge.ts';
import { temporaryFolder } from './temporary-folder.ts';

const cart = 'spiffe://mesh.example/ns/shop/sa/cart';

/** Long enough to be found nowhere by chance, short enough to survive line breaks and escapes. */
const needleLength = 24;

/** Pieces of a PEM's base64, one a line. */
function needles(pem: string): string[] {
  return pem
    .split('\n')
    .filter((line) => line.length >= needleLength && !line.startsWith('-----'))
    .map((line) => line.slice(0, needleLength));
}

/** Every way in which a careless line of code might write an object out. */
function everyPrint(value: unknown): string {
  return [
    inspect(value, { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity }),
    JSON.stringify(value),
    `${value}`,
    inspect(new Error('failed', { cause: value }), { depth: Infinity }),
  ].join('\n');
}

test('SEC-35 SEC-58 keys are in no print of the authority, its leaves, its issuers or its state folder', async () => {
  const stateFolder = await temporaryFolder();
  const ports = fakePorts();
  const authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports });
  await authority.ensure({ tenants: [], spiffeIds: [cart], leafLifetimeMs: dayMs });
  const issuers = await Promise.all(
    ['root', 'control-plane', 'tenants/shop'].map((record) => stolenIssuer(stateFolder, record, ports)),
  );
  const leaves = [authority.leaf(cart), authority.serverCredentials()];
  const keys = [...issuers.map(({ keys }) => keys.privateKeyPem), ...leaves.map((leaf) => leaf?.privateKeyPem)];
  const sealKey = await readFile(join(stateFolder, 'seal.key'), 'utf8');
  const state = await StateFolder.open(stateFolder, undefined, ports.entropy);
  const secrets = [...keys.flatMap((key) => needles(key?.reveal() ?? '')), sealKey.slice(0, needleLength)];
  expect(secrets.length).toBe(3 * keys.length + 1);

  const printed = everyPrint({ authority, leaves, issuers, state });
  expect(secrets.filter((secret) => printed.includes(secret))).toEqual([]);
  expect(printed).toContain('[redacted]');

  for (const entry of await readdir(stateFolder, { recursive: true })) {
    if (!entry.endsWith('.sealed')) continue;
    const stored = await readFile(join(stateFolder, entry), 'latin1');
    expect(secrets.filter((secret) => stored.includes(secret))).toEqual([]);
    expect(stored).not.toContain('PRIVATE KEY');
  }
});

test('the errors of a damaged folder carry neither key nor content', async () => {
  const stateFolder = await temporaryFolder();
  const open = (trustDomain: string) => openAuthority({ stateFolder, trustDomain, ports: fakePorts() });
  await open('mesh.example');
  const sealKey = await readFile(join(stateFolder, 'seal.key'), 'utf8');
  const error = await open('other.example').catch((caught: unknown) => caught);
  const printed = everyPrint(error);
  expect(printed).toContain('trust-domain-changed');
  expect(printed).not.toContain('PRIVATE KEY');
  expect(printed).not.toContain(sealKey.slice(0, needleLength));
});

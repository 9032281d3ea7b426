/**
 * A store on a disk of a few megabytes, which is filled and freed again; run in a mount namespace of its own.
 *
 * Argument: an empty folder, on which a tmpfs is mounted. Standard output: what happened, as one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import { openSqliteStore, storeFile } from '../../../src/evidence/sqlite/sqlite-store.io.ts';
import { denial, noonMs } from '../event-samples.ts';

const [folder = ''] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder]);
const signingKey = generateKeyPairSync('ed25519').privateKey;
const publicKeyPem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString();
const store = await openSqliteStore({ folder, replica: 'replica-1', signingKey, clock: { nowMs: () => noonMs } });
const about = { atMs: noonMs, tenant: 'vault' };
const big = 'x'.repeat(100_000);

await store.append([denial('before')]);
const ballast = openSync(join(folder, 'ballast'), 'w');
fill(ballast);
const whileFull = {
  append: await store.append([denial('denied', { reason: big })]),
  again: await store.append([denial('denied', { reason: big })]),
  drill: store.appendDrill('vault/slow', 0, big, about),
  blocked: store.blocked(),
  query: await store.query({ kinds: ['denial'], limit: 10 }),
};
closeSync(ballast);
rmSync(join(folder, 'ballast'));
const afterwards = {
  append: await store.append([denial('denied', { reason: big })]),
  drill: store.appendDrill('vault/slow', 0, big, about),
  probe: store.probe(),
};
const { records, last, findings } = await verifyFile(join(folder, storeFile), { publicKeyPem });
await store.close();
console.log(JSON.stringify({ whileFull, afterwards, verified: { records, last, findings } }));

/** To the last byte. */
function fill(file: number): void {
  for (let bytes = 65_536; bytes >= 1; ) {
    try {
      if (writeSync(file, Buffer.alloc(bytes, 1)) < bytes) bytes = Math.floor(bytes / 2);
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
}

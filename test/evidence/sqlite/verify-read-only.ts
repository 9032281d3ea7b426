/**
 * Verifies a store's file in a folder that nobody can write to; run in a mount namespace of its own.
 *
 * Arguments: the folder, the public key. Standard output: the report, as one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import { storeFile } from '../../../src/evidence/sqlite/sqlite-store.io.ts';

const [folder = '', publicKeyPem = ''] = process.argv.slice(2);
execFileSync('mount', ['--bind', folder, folder]);
execFileSync('mount', ['-o', 'remount,ro,bind', folder]);
console.log(JSON.stringify(await verifyFile(join(folder, storeFile), { publicKeyPem })));

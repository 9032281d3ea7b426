/**
 * Loaded before a Node program of a lab without namespaces: it finds the names of its pod's hosts file, read at each
 * look, and no others, as in a pod that has no resolver.
 */
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

const { COFFRE_LAB_HOSTS: hostsPath = '' } = process.env;

type Answer = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

function lookup(name: string, options: LookupOptions, answer: Answer): void {
  const address = addressOf(name);
  process.nextTick(() => {
    if (address === undefined) {
      answer(Object.assign(new Error(`no \`${name}\` in ${hostsPath}`), { code: 'ENOTFOUND' }), '');
      return;
    }
    const family = isIP(address);
    if (options.all) answer(null, [{ address, family }]);
    else answer(null, address, family);
  });
}

function addressOf(name: string): string | undefined {
  if (isIP(name) !== 0) return name;
  if (name === 'localhost') return '127.0.0.1';
  const lines = readFileSync(hostsPath, 'utf8').split('\n');
  return lines.map((line) => line.split(' ')).find(([, host]) => host === name)?.[0];
}

Object.assign(dns, { lookup });

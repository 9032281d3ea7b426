/**
 * The two secrets of a replica's evidence, in the state folder: what signs its heads, and what wraps the keys of persons.
 *
 *   STATE/evidence/<replica>-head.sealed   Ed25519, PKCS #8
 *   STATE/evidence/persons.sealed          32 bytes, base64
 *
 * Made once. A head key that is lost is not replaced in silence: the store's file knows which key signs it.
 */
import { createPrivateKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { SealedRecords } from './sealed-records.ts';

const wrapKeyBytes = 32;

export async function openHeadKey(records: SealedRecords, replica: string): Promise<KeyObject> {
  const record = await readOrCreate(records, `evidence/${replica}-head`, () => ({
    privateKey: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }));
  return createPrivateKey(textIn(record, 'privateKey'));
}

/** Wraps the keys of persons on their way to the disk; see person-keys.io.ts. */
export async function openPersonWrapKey(records: SealedRecords): Promise<KeyObject> {
  const record = await readOrCreate(records, 'evidence/persons', () => ({
    wrapKey: randomBytes(wrapKeyBytes).toString('base64'),
  }));
  return createSecretKey(Buffer.from(textIn(record, 'wrapKey'), 'base64'));
}

async function readOrCreate(records: SealedRecords, name: string, make: () => object): Promise<unknown> {
  const there = await records.read(name);
  if (there !== undefined) return there;
  await records.create(name, make()); // of two that make it at once, the first is kept
  return records.read(name);
}

function textIn(record: unknown, field: string): string {
  if (typeof record === 'object' && record !== null) {
    const value: unknown = Object.entries(record).find(([name]) => name === field)?.[1];
    if (typeof value === 'string') return value;
  }
  throw new Error(`a sealed record of the evidence has no \`${field}\`; restore the state folder from its backup`);
}

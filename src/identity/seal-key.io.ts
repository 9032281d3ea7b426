/** The key that seals the state: 32 bytes in base64, in a file that nobody else can read. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { StateError } from './state-error.ts';

/** Bytes of the sealing key, written as base64. */
export const sealKeyBytes = 32;

/** @throws StateError */
export async function readSealKey(path: string): Promise<KeyObject> {
  let text: string;
  try {
    const { mode, uid } = await stat(path);
    // A kubelet hands a file of its own to the pod's group, and to nobody else.
    const others = uid === process.getuid?.() ? 0o077 : 0o007;
    if ((mode & others) !== 0) {
      throw new StateError('permissions', path, `can be read by others; run \`chmod 600 ${path}\``);
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof StateError) throw error;
    const advice = 'is the key that unseals the certificate authority and cannot be read; restore it from the backup';
    throw new StateError('seal-key-missing', path, advice, { cause: error });
  }
  return parseSealKey(text, path);
}

/** @param path where the text comes from. @throws StateError */
export function parseSealKey(text: string, path: string): KeyObject {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== sealKeyBytes) {
    throw new StateError('seal-key-malformed', path, `must be ${sealKeyBytes} bytes in base64`);
  }
  return createSecretKey(bytes);
}

/**
 * People in the evidence: a token in the place of a name, which only the tenant's key turns back into the name.
 *
 *   p:<pseudonym>:<sealed>
 *   pseudonym   12 hexadecimal digits of HMAC-SHA-256(key, name): the same person is the same pseudonym in one tenant
 *   sealed      AES-256-GCM of the name, base64url
 *
 * With the key the person is gone: the token stays, byte for byte, and so does the chain over it. A person of two tenants
 * has two pseudonyms, which nobody can join.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

export interface PersonSeal {
  /** @returns a token, another one each time, with the same pseudonym. */
  seal(tenant: string, name: string): string;
  /** @returns the name; `p:<pseudonym>` where the tenant's key is gone; a text that is no token, as it is. */
  reveal(tenant: string, token: string): string;
}

/** One key for each tenant, of 32 bytes. */
export interface PersonKeys {
  /** The tenant's; made if it has none. Kept when it returns. */
  keyFor(tenant: string): Uint8Array;
  /** Undefined where it has none, or has none any more. */
  keyOf(tenant: string): Uint8Array | undefined;
}

export interface PersonSealPorts {
  readonly keys: PersonKeys;
  /** Unguessable bytes. */
  readonly entropy: { bytes(length: number): Uint8Array };
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** 48 bits: two of a thousand people of a tenant share one with a probability of 2 in a billion. */
const pseudonymDigits = 12;

const tokenShape = /^p:([0-9a-f]{12}):([\w-]+)$/;

export function personSeal({ keys, entropy }: PersonSealPorts): PersonSeal {
  return {
    seal(tenant, name) {
      const key = keys.keyFor(tenant);
      const nonce = entropy.bytes(nonceBytes);
      const cipher = createCipheriv(algorithm, derived(key, 'seal'), nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(tenant));
      const ciphertext = Buffer.concat([cipher.update(name, 'utf8'), cipher.final()]);
      const sealed = Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
      return `p:${pseudonymOf(key, name)}:${sealed}`;
    },
    reveal(tenant, token) {
      const [, pseudonym, sealed] = tokenShape.exec(token) ?? [];
      if (pseudonym === undefined || sealed === undefined) return token;
      const key = keys.keyOf(tenant);
      const name = key && opened(key, tenant, Buffer.from(sealed, 'base64url'));
      return name ?? `p:${pseudonym}`;
    },
  };
}

function pseudonymOf(key: Uint8Array, name: string): string {
  return createHmac('sha256', derived(key, 'pseudonym')).update(name).digest('hex').slice(0, pseudonymDigits);
}

/** @returns undefined where it was sealed with another key, such as one that is destroyed. */
function opened(key: Uint8Array, tenant: string, sealed: Buffer): string | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const nonce = sealed.subarray(0, nonceBytes);
  const decipher = createDecipheriv(algorithm, derived(key, 'seal'), nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(tenant)).setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function derived(key: Uint8Array, use: 'seal' | 'pseudonym'): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, '', `coffre person ${use}`, 32));
}

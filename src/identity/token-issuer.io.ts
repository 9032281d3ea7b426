/**
 * Mints and verifies the tokens by which a proxy says who it is before it has a certificate.
 * JWS ES256 with the authority's token key; nothing in a token chooses the key or the algorithm.
 *
 * A signature is checked once: a proxy shows the same token when it greets, when it is judged, twice a minute while its
 * stream is open, and whenever it comes back. What a token says is judged each time, so it ends when it says.
 */
import { createHash } from 'node:crypto';
import { compactVerify, SignJWT } from 'jose';
import type { KeyPair } from './key-pair.io.ts';
import type { IdentityPorts } from './ports.ts';
import {
  judgeShape,
  judgeToken,
  refused,
  type TokenSubject,
  type TokenVerdict,
  tokenAlgorithm,
  tokenAudience,
  tokenType,
} from './token-claims.ts';

/** Life of a token, in ms: long enough to survive a restart, short enough that a stolen one is soon nothing. */
export const tokenLifetimeMs = 3_600_000;

/** Most tokens whose signature is remembered as good; beyond it the oldest is checked again. More than two for each proxy of a cell. */
const rememberedTokensMax = 25_000;

/** Bytes of a token id. */
const tokenIdBytes = 16;

export interface MintedToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface TokenIssuer {
  /** @param lifetimeMs default one hour. */
  mintToken(subject: TokenSubject, lifetimeMs?: number): Promise<MintedToken>;
  /** @param token hostile. Never throws. */
  verifyToken(token: string): Promise<TokenVerdict>;
}

/** @param issuer the trust domain. */
export function createTokenIssuer(
  keys: KeyPair,
  issuer: string,
  { clock, entropy }: IdentityPorts,
  rememberedMax: number = rememberedTokensMax,
): TokenIssuer {
  // Only of tokens that we signed, so nobody without one makes us remember anything; by hash, so that none lies in memory.
  const remembered = new Map<string, SignedToken>();

  async function signedToken(token: string): Promise<SignedToken> {
    const hash = createHash('sha256').update(token).digest('base64');
    const known = remembered.get(hash);
    if (known !== undefined) return known;
    const { protectedHeader, payload } = await compactVerify(token, keys.publicKey, { algorithms: [tokenAlgorithm] });
    const signed = { header: { ...protectedHeader }, payload: parseObject(payload) };
    remembered.set(hash, signed);
    const [oldest] = remembered.size > rememberedMax ? remembered.keys() : [];
    if (oldest !== undefined) remembered.delete(oldest);
    return signed;
  }

  return {
    async mintToken({ workload, serviceAccount }, lifetimeMs = tokenLifetimeMs) {
      const issuedAt = Math.floor(clock.nowMs() / 1_000);
      const expiresAt = issuedAt + Math.floor(lifetimeMs / 1_000);
      const token = await new SignJWT({ sa: serviceAccount })
        .setProtectedHeader({ alg: tokenAlgorithm, typ: tokenType })
        .setIssuer(issuer)
        .setSubject(workload)
        .setAudience(tokenAudience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .setJti(Buffer.from(entropy.bytes(tokenIdBytes)).toString('base64url'))
        .sign(keys.privateKey);
      return { token, issuedAtMs: issuedAt * 1_000, expiresAtMs: expiresAt * 1_000 };
    },

    async verifyToken(token) {
      const shape = judgeShape(token);
      if (shape !== null) return refused(shape);
      try {
        const { header, payload } = await signedToken(token);
        return judgeToken(header, payload, { issuer, nowMs: clock.nowMs() });
      } catch {
        // Whatever jose objected to (header, algorithm, crit, signature), the bytes are not a token that we signed.
        return refused('bad-signature');
      }
    },
  };
}

/** Header and payload of a token whose signature is ours. */
interface SignedToken {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

function parseObject(json: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(json));
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/**
 * Mints and verifies the tokens by which a proxy says who it is before it has a certificate.
 * JWS ES256 with the authority's token key; nothing in a token chooses the key or the algorithm.
 */
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
export function createTokenIssuer(keys: KeyPair, issuer: string, { clock, entropy }: IdentityPorts): TokenIssuer {
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
        const { protectedHeader, payload } = await compactVerify(token, keys.publicKey, {
          algorithms: [tokenAlgorithm],
        });
        return judgeToken({ ...protectedHeader }, parseObject(payload), { issuer, nowMs: clock.nowMs() });
      } catch {
        // Whatever jose objected to (header, algorithm, crit, signature), the bytes are not a token that we signed.
        return refused('bad-signature');
      }
    },
  };
}

function parseObject(json: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(json));
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/**
 * When a certificate or a token is due for renewal.
 *
 *   notBefore ──── half life - jitter ···· half life ─────────────── notAfter
 *                  └── due somewhere here ──┘
 *
 * Half life is what lets a control plane be gone for the other half. The jitter is a hash of the name: it spreads a mesh
 * that was issued in one second, and a restart computes the same moment, so restarting never renews anything.
 * The jitter of a renewal is only ever early, so "at least half a life is left" holds as long as the control plane lives.
 * What ends with its issuer is never due: nothing that this one signs ends later, and it would be due again at once.
 */
import { createHash } from 'node:crypto';
import { notBeforeSlackMs, type Validity } from './certificate-profile.ts';

/** Share of the lifetime by which renewal may come before half life, and replacement after two thirds. */
const jitterShare = 0.1;

/** @param name what the certificate names: the seed of its jitter. @param issuerNotAfterMs end of who signed it; Infinity of a token. */
export function renewAtMs(name: string, { notBeforeMs, notAfterMs }: Validity, issuerNotAfterMs = Infinity): number {
  if (notAfterMs === issuerNotAfterMs) return Infinity;
  const lifetimeMs = notAfterMs - notBeforeMs;
  return Math.floor(notBeforeMs + lifetimeMs / 2 - lifetimeMs * jitterShare * fractionOf(name));
}

/** When a CA is replaced rather than renewed: at two thirds of its life, or later by the jitter, with a fifth of it left. */
export function replaceAtMs(name: string, { notBeforeMs, notAfterMs }: Validity): number {
  const lifetimeMs = notAfterMs - notBeforeMs;
  return Math.ceil(notBeforeMs + (lifetimeMs * 2) / 3 + lifetimeMs * jitterShare * fractionOf(name));
}

/**
 * @param lifetimeMs the life that the mesh wants now; a certificate that would live longer than that from now on is due, so
 * that a shortened life bites at once.
 */
export function isDue(
  name: string,
  validity: Validity,
  lifetimeMs: number,
  nowMs: number,
  issuerNotAfterMs = Infinity,
): boolean {
  const notYetValid = nowMs < validity.notBeforeMs;
  const livesTooLong = validity.notAfterMs - nowMs > lifetimeMs + notBeforeSlackMs;
  return notYetValid || livesTooLong || nowMs >= renewAtMs(name, validity, issuerNotAfterMs);
}

/** In [0, 1), the same for the same name everywhere. */
function fractionOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}

/**
 * What a projected token says of itself, before anybody was asked whether it is one: enough to ask about nothing that
 * could not be, and to know when it ends.
 *
 *   text ──length, shape──▶ payload ──audience, end, pod──▶ worth asking about | refused
 *
 * Nothing here is believed. The end of a token counts because the API server vouches for the whole text afterwards.
 */
import { isRecord } from '../../model/prune.ts';

/** Longest token that is looked at, in characters. One of a long name in a long namespace, signed by RSA, has 1,500. */
export const tokenLengthMax = 4_096;

export type Claimed =
  /** `endsAtMs`: epoch ms. */
  | { readonly kind: 'claimed'; readonly podUid: string; readonly endsAtMs: number }
  | { readonly kind: 'refused'; readonly reason: string };

const tokenPattern = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+$/;

/** @param token hostile. Never throws. */
export function readClaims(token: string, audience: string, nowMs: number): Claimed {
  if (token.length > tokenLengthMax) return refused('too long');
  const payload = payloadOf(token);
  if (payload === undefined) return refused('malformed');
  const { aud, exp } = payload;
  if (!(Array.isArray(aud) ? aud : [aud]).includes(audience)) return refused('another audience');
  if (typeof exp !== 'number' || !Number.isSafeInteger(exp)) return refused('no end');
  const endsAtMs = exp * 1_000;
  if (endsAtMs <= nowMs) return refused('expired');
  const bound = payload['kubernetes.io'];
  const pod = isRecord(bound) ? bound['pod'] : undefined;
  const podUid = isRecord(pod) ? pod['uid'] : undefined;
  if (typeof podUid !== 'string' || podUid === '') return refused('bound to no pod');
  return { kind: 'claimed', podUid, endsAtMs };
}

function payloadOf(token: string): Record<string, unknown> | undefined {
  const [, payload = ''] = tokenPattern.exec(token) ?? [];
  try {
    const parsed: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function refused(reason: string): Claimed {
  return { kind: 'refused', reason };
}

/** Whether a token is good now; read before its signature, since a date that is over needs no proof. */
import type { Json, JsonMap } from './strict-json.ts';

/** How far a provider's clock and ours may differ, in ms. Source: RFC 7519 section 4.1.4, "a few minutes" at most; one is ample with NTP. */
export const clockSkewMs = 60_000;

/** Last second of the year 9999: beyond it a date is a mistake or a trick with infinity. */
const secondsMax = 253_402_300_799;

/** @returns why not. Limits are met exactly: at `exp` plus the skew a token has ended, at `nbf` minus it has begun. */
export function timeObjection({ exp, nbf, iat }: JsonMap, nowMs: number): string | undefined {
  if (exp === undefined) return 'the token has no `exp`: it would never end';
  if (![exp, nbf ?? 0, iat ?? 0].every(isSeconds)) return 'a time in the token is no number of seconds';
  if (Number(exp) * 1_000 + clockSkewMs <= nowMs) return 'the token has expired';
  const beginsMs = Math.max(Number(nbf ?? 0), Number(iat ?? 0)) * 1_000;
  return beginsMs - clockSkewMs > nowMs ? 'the token is not valid yet, or issued in the future' : undefined;
}

function isSeconds(value: Json): boolean {
  return typeof value === 'number' && value >= 0 && value <= secondsMax;
}

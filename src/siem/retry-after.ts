/** How long a server asks us to wait (RFC 9110, section 10.2.3): seconds, or a date. */

/** Longest that is believed, in ms: a server may not silence us for days. */
const retryAfterMaxMs = 300_000;

/** @returns ms from now, at most `retryAfterMaxMs`; undefined where nothing readable was said. */
export function retryAfterMs(header: string | string[] | undefined, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const afterMs = /^\d{1,10}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(afterMs) ? undefined : Math.min(Math.max(afterMs, 0), retryAfterMaxMs);
}

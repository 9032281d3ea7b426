/** Durations as authors write them: `250ms`, `90s`, `15m`, `24h`. */
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @returns milliseconds, or `undefined` where the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,14})(ms|[smh])$/.exec(text) ?? [];
  const factor = unitMs[unit ?? ''];
  return count === undefined || factor === undefined ? undefined : Number(count) * factor;
}

/**
 * Durations of Gateway API (GEP-2257), such as `1h30m`, `2s500ms` or `0s`: up to four parts, added up.
 * @returns milliseconds, 0 meaning "no limit" there; or `undefined` where the text is no duration.
 */
export function parseGatewayDurationMs(text: string): number | undefined {
  if (!/^(\d{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+)(ms|[hms])/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
}

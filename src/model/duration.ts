/** Durations as authors write them: `90s`, `15m`, `24h`. */
const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** @returns milliseconds, or `undefined` where the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,14})([smh])$/.exec(text) ?? [];
  const factor = unitMs[unit ?? ''];
  return count === undefined || factor === undefined ? undefined : Number(count) * factor;
}

/** `grpc-timeout`: at most eight digits and a unit. Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Timeout". */
const pattern = /^(\d{1,8})([HMSmun])$/;

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** The text before, and what it was: a connection says the same with every call. */
let [knownText, knownMs]: [unknown, number | undefined] = [undefined, undefined];

/** @param text of the header: hostile. @returns ms; undefined where it says none. */
export function grpcTimeoutMs(text: unknown): number | undefined {
  if (text === knownText) return knownMs;
  const [, digits, unit = ''] = typeof text === 'string' ? (pattern.exec(text) ?? []) : [];
  [knownText, knownMs] = [text, digits === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 0)];
  return knownMs;
}

/**
 * The one number in an answer of Prometheus to an instant query; anything else is no number, and why.
 * Format: Prometheus documentation, "HTTP API", "Instant queries" and "Expression query result formats".
 */
import { none, type ProbeReading, value } from './reading.ts';

/** Longest answer, in bytes: one sample is some hundred. */
export const promqlAnswerBytesMax = 65_536;

/** Longest error of Prometheus that is quoted, in characters. */
const errorLengthMax = 200;

export function promqlAnswer(body: string): ProbeReading {
  const answer = parse(body);
  const status = member(answer, 'status');
  if (status === 'error')
    return none(`Prometheus refused the query: ${String(member(answer, 'error')).slice(0, errorLengthMax)}`);
  const data = member(answer, 'data');
  const result = member(data, 'result');
  if (status !== 'success' || !Array.isArray(result)) return none('the answer is not one of Prometheus');
  switch (member(data, 'resultType')) {
    case 'scalar':
      return sample(result);
    case 'vector':
      if (result.length !== 1) return none(`the query yields ${result.length} numbers and must yield one`);
      return sample(member(result[0], 'value'));
    default:
      return none(`the query yields a ${String(member(data, 'resultType'))} and must yield one number`);
  }
}

/** A pair of a time in seconds and a number as text, which may be `NaN` or `+Inf`. */
function sample(pair: unknown): ProbeReading {
  const text = Array.isArray(pair) ? pair[1] : undefined;
  const number = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN;
  return Number.isFinite(number) ? value(number) : none(`the query yields \`${String(text)}\`, which is no number`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function member(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined;
}

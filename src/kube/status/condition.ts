/** One condition of a status: what Coffre wishes to say, and as an API server keeps it. Source: Kubernetes, "API conventions", typical status properties. */
import { isRecord } from '../../model/prune.ts';

export interface WishedCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One word for programs. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

export interface Condition extends WishedCondition {
  readonly observedGeneration: number;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
}

/** Longest message, in UTF-16 units: half of what an API server takes, as it counts in bytes there. */
const messageMax = 16_384;

export function condition(
  type: string,
  status: WishedCondition['status'],
  reason: string,
  message: string,
): WishedCondition {
  return { type, status, reason, message: message.length > messageMax ? `${message.slice(0, messageMax)}…` : message };
}

/**
 * @param former the conditions as they stand, of any shape; those of types that nobody wishes to speak of stay.
 * @param now RFC 3339: the moment of every condition whose `status` changes.
 */
export function withConditions(
  former: unknown,
  wished: readonly WishedCondition[],
  observedGeneration: number,
  now: string,
): readonly unknown[] {
  const before = Array.isArray(former) ? former.filter(isRecord) : [];
  const types = new Set(wished.map(({ type }) => type));
  const told = wished.map((each): Condition => {
    const known = before.find(({ type }) => type === each.type);
    const since = known?.['status'] === each.status ? known['lastTransitionTime'] : undefined;
    return { ...each, observedGeneration, lastTransitionTime: typeof since === 'string' ? since : now };
  });
  return [...told, ...before.filter(({ type }) => typeof type !== 'string' || !types.has(type))];
}

/** Epoch ms in RFC 3339, whole seconds, as Kubernetes writes it. */
export function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[.]\d+Z$/, 'Z');
}

/**
 * A refusal by a proxy, as the author of what was refused reads it: on the object, with its line, and Envoy's own words.
 *
 *   refusal ──originsOf──▶ objects behind it ──which of them changed?──▶ one problem each
 *
 * Where none of them changed (another edit came after it), it is told on the object that the resource could not exist
 * without. Whoever owns the object learns the name of a proxy of his own tenant only.
 */
import type { Problem } from '../model/problem.ts';
import { quote, quoteList } from '../model/quote.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Refusal } from './canary-state.ts';
import { type Origin, originsOf } from './origins.ts';

/** Two snapshots in a row. */
export interface Edit {
  /** Absent for the first. */
  readonly before: Snapshot | undefined;
  readonly after: Snapshot;
}

/** The objects that a refusal is told on, found in the moment it came. */
export function blamedBy({ proxy, names }: Refusal, { before, after }: Edit, nowMs: number): readonly Origin[] {
  const found = new Map<string, Origin>();
  for (const name of names) {
    const origins = originsOf(after, proxy, name, nowMs);
    const former = new Set(before === undefined ? [] : originsOf(before, proxy, name, nowMs).map(({ text }) => text));
    const changed = before === undefined ? [] : origins.filter(({ text }) => !former.has(text));
    for (const each of changed.length > 0 ? changed : origins.slice(0, 1)) found.set(JSON.stringify(each.ref), each);
  }
  return [...found.values()];
}

export function refusalProblems(refusal: Refusal, blamed: readonly Origin[]): readonly Problem[] {
  return blamed.map(({ ref, where }) => ({
    code: 'refused-by-proxy',
    severity: refusal.kind === 'held' ? 'error' : 'warning',
    where,
    path: '',
    object: ref,
    message: `${whoRefused(refusal, ref.kind === 'Tenant' ? ref.name : ref.namespace)}, ${outcome[refusal.kind]}: ${quote(refusal.message, messageMax)}`,
    advice: advice[refusal.kind],
  }));
}

/** Longest part of Envoy's words that is repeated, in UTF-16 units: a validation error names its field at the front. */
const messageMax = 600;

const outcome = {
  held: 'so no proxy is given it, and all keep what they had',
  lone: 'which the others took; it keeps what it had',
} as const;

const advice = {
  held: 'change what the message speaks of: the next version is tried on one proxy first',
  lone: 'look at this proxy: `coffre proxy status` says what it holds',
} as const;

/** @param owner tenant of the object; empty for one that belongs to nobody. */
function whoRefused({ proxy, typeUrl, names }: Refusal, owner: string): string {
  const tenant = proxy.slice(0, proxy.indexOf('/'));
  const who = owner === tenant || owner === '' ? `the proxy of \`${proxy}\`` : `a proxy of tenant \`${tenant}\``;
  const what = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
  return `${who} refused the ${what} ${quoteList(names)}`;
}

/**
 * A rule over one object that its schema cannot say, as an API server judges it.
 *
 * Mostly CEL, whose cost the server estimates from the limits of the schema. Where a list of lists makes even a cheap
 * expression too dear, a pattern says it, which costs nothing there and tells the author less.
 */
import type { Range } from '../../model/common-findings.ts';
import { quoteList } from '../../model/quote.ts';

export type FieldRule =
  | { readonly kind: 'cel'; readonly at: string; readonly rule: string; readonly message: string }
  | { readonly kind: 'matches' | 'matches-not'; readonly at: string; readonly pattern: string }
  /** No two items of the list have the same value in this field. */
  | { readonly kind: 'unique'; readonly at: string; readonly key: string };

/** @param at path of the field, lists as `[]`: `spec.allow[].to`. */
export function cel(at: string, rule: string, message: string): FieldRule {
  return { kind: 'cel', at, rule, message };
}

export function unique(at: string, key: string): FieldRule {
  return { kind: 'unique', at, key };
}

export function durationWithin(at: string, { minMs, maxMs, words }: Range): FieldRule {
  return cel(
    at,
    `duration(self) >= duration('${minMs}ms') && duration(self) <= duration('${maxMs}ms')`,
    `out of range: write ${words}`,
  );
}

export function exactlyOneOf(at: string, names: readonly string[]): FieldRule {
  const written = names.map((name) => `has(self.${name})`).join(', ');
  return cel(at, `[${written}].filter(written, written).size() == 1`, `write exactly one of ${quoteList(names)}`);
}

export function someOf(at: string, names: readonly string[], message: string): FieldRule {
  return cel(at, names.map((name) => `has(self.${name})`).join(' || '), message);
}

/** A date that exists, after the pattern of the field saw to its form. */
export function aMoment(at: string): FieldRule {
  return cel(
    at,
    "timestamp(self) > timestamp('0001-01-01T00:00:00Z')",
    'no moment of the calendar: write a date that exists',
  );
}

/**
 * A URL without user or password. What else makes an address unusable takes a URL parser as ours: it is judged when the
 * object is read, and by the webhook.
 */
export function noUserIn(at: string): FieldRule {
  return { kind: 'matches-not', at, pattern: '^https?:[/\\\\]*[^/?#\\\\]*[^:/?#\\\\@\\r][^/?#\\\\]*@' };
}

/** A CEL literal; the escapes of JSON are among those of CEL. */
export function literal(value: string | readonly string[]): string {
  return JSON.stringify(value);
}

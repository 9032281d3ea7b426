/** What is asked of a policy: one request, or one connection that shows none. */
import type { TokenFacts } from './token.ts';

export type AccessRequest = HttpAccess | { readonly kind: 'tcp'; readonly principal: string };

export interface HttpAccess {
  readonly kind: 'http';
  /** URI SAN of the verified peer certificate. */
  readonly principal: string;
  readonly method: string;
  /** As Envoy normalised it, without query and fragment. */
  readonly path: string;
  /** In lower case, without port and trailing dot; absent where there is none, or none that could be compared: refused. */
  readonly host?: string;
  /** Absent: there are none. */
  readonly headers?: HeaderLines;
  /** Asked where a rule needs it, and then as often as rules do: it must remember. Absent: there is no token. */
  readonly token?: () => TokenFacts;
}

/** Headers by line, each line as the bytes that were sent, one character a byte. */
export interface HeaderLines {
  /** @param name in lower case. @returns none where the header is absent. */
  lines(name: string): readonly string[];
  names(): readonly string[];
}

export const noHeaders: HeaderLines = { lines: () => [], names: () => [] };

/**
 * Which fields make a request, and which may stand in its trailers: whatever else comes is malformed and ends its stream, so
 * that nobody behind us reads another message than the one before us did.
 * Source: RFC 9113, sections 8.1, 8.2 and 8.3. CONNECT, which has neither scheme nor path, is none for us.
 */
import type { DecodedField } from './field-decoder.ts';

export type RequestForm = RequestHead | { readonly kind: 'malformed' };

export interface RequestHead {
  readonly kind: 'request';
  readonly fields: readonly DecodedField[];
  /** What `content-length` says; undefined where nothing does. */
  readonly bodyBytes: number | undefined;
}

/** Of one connection, which HTTP/2 does not speak of in fields (8.2.2). */
const connectionNames = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** A token in lower case, or a pseudo-header (8.2.1). */
const namePattern = /^:?[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** No NUL, CR or LF, and no blank at either end (8.2.1). */
const badValuePattern = /[\0\r\n]|^[ \t]|[ \t]$/;

/** Fifteen digits are a safe integer. */
const lengthPattern = /^\d{1,15}$/;

const colon = 0x3a;
const bits: Readonly<Record<string, number>> = { ':method': 1, ':scheme': 2, ':path': 4, ':authority': 8 };
const neededBits = 1 | 2 | 4;

const malformed: RequestForm = { kind: 'malformed' };

export function isGoodName(name: string): boolean {
  return namePattern.test(name) && !connectionNames.has(name);
}

/** @param name a good one. */
export function isGoodValue(name: string, value: string): boolean {
  if (name === 'te') return value.toLowerCase() === 'trailers'; // 8.2.2
  return !badValuePattern.test(value);
}

/** @param fields each well-formed by itself. */
export function requestForm(fields: readonly DecodedField[]): RequestForm {
  let seen = 0;
  let isBehindPseudo = false;
  let length: string | undefined;
  for (const { name, value } of fields) {
    if (name.charCodeAt(0) === colon) {
      const bit = bits[name] ?? 0;
      if (bit === 0 || isBehindPseudo || (seen & bit) !== 0 || (name === ':path' && value === '')) return malformed;
      seen |= bit;
    } else {
      isBehindPseudo = true;
      if (name !== 'content-length') continue;
      if (length !== undefined || !lengthPattern.test(value)) return malformed;
      length = value;
    }
  }
  if ((seen & neededBits) !== neededBits) return malformed;
  return { kind: 'request', fields, bodyBytes: length === undefined ? undefined : Number(length) };
}

/** @param fields each well-formed by itself. */
export function mayTrail(fields: readonly DecodedField[]): boolean {
  return fields.every(({ name }) => name.charCodeAt(0) !== colon);
}

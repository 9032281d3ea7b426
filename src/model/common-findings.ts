/** The findings that rules over one object have in common. */
import { parseDurationMs } from './duration.ts';
import { quote, quoteList } from './quote.ts';
import type { Finding } from './sourced-object.ts';

export interface Range {
  readonly minMs: number;
  readonly maxMs: number;
  readonly words: string;
}

export function exactlyOne(path: string, written: object): Finding[] {
  const names = Object.keys(written);
  if (names.length === 1) return [];
  return [bad(path, `${quoteList(names)} are written, and only one of them can be meant`, 'keep one of them')];
}

export function outOfRange(path: string, written: string | undefined, { minMs, maxMs, words }: Range): Finding[] {
  if (written === undefined) return [];
  const ms = parseDurationMs(written) ?? 0;
  return ms >= minMs && ms <= maxMs ? [] : [bad(path, `${quote(written)} is out of range`, `write ${words}`)];
}

/** A password in an object that every tenant’s admin can read is no secret. */
export function badUrl(path: string, written: string | undefined): Finding[] {
  if (written === undefined) return [];
  const url = URL.parse(written);
  if (url !== null && url.hostname !== '' && url.username === '' && url.password === '') return [];
  return [bad(path, `${quote(written)} is no address to ask`, 'write host and port, without a user or a password')];
}

export function bad(path: string, message: string, advice: string): Finding {
  return { code: 'bad-value', severity: 'error', path, message, advice };
}

/**
 * One attack as data: the bytes, who sends them, and what becomes of them; in the end an outcome is held against its row.
 *
 *   Row ──volley──▶ Outcome ──inWords──▶ `200 GET /ok`, `403`, …
 *
 * Every request carries `x-row`, so that many rows can be in the air and each sighting of the application finds its own.
 */
import type { AppRequest } from '../../../src/lab/app-process.ts';

/** Stands for the row's own mark of as many characters, so that lengths written beside it hold. */
export const mark = 'ROW#';

export type Caller = 'adele' | 'anton';

export interface Row {
  readonly name: string;
  /** latin1: one character is one byte. */
  readonly bytes: string;
  /** Default `adele`, who may do whatever no deny rule speaks of. */
  readonly as?: Caller;
  /** Default HTTP/1.1. */
  readonly protocol?: 'h2';
  /** In words: statuses of all answers in order, then what the application saw. */
  readonly becomes: string;
  /** Where every caller of the tenant may do everything; default: the same. */
  readonly granted?: string;
  /** Refused by Envoy whatever its configuration says, and by the application's own parser too: nothing could turn it red. */
  readonly byAnyParser?: true;
  /** Headers of what arrives; undefined: none of that name. */
  readonly arrives?: Readonly<Record<string, string | RegExp | undefined>>;
}

export interface Outcome {
  /** Status codes of all answers, in order; `alert`, `reset`, `goaway` or `silence` where there is none. */
  readonly answers: string;
  /** All that came back, as it came: latin1. */
  readonly text: string;
  readonly seen: readonly AppRequest[];
}

export function inWords({ answers, seen }: Outcome): string {
  return [answers, ...seen.map(({ method, path }) => `${method} ${path}`)].join(' ');
}

/** What is otherwise than the row says; empty where all is as it should be. */
export function differences(row: Row, outcome: Outcome, becomes: string = row.becomes): readonly string[] {
  const words = inWords(outcome);
  const wrong = words === becomes ? [] : [`became \`${shown(words)}\`, not \`${shown(becomes)}\``];
  for (const { headers } of outcome.seen) {
    for (const [name, wanted] of Object.entries(row.arrives ?? {})) {
      const found = headers[name];
      const fits = wanted instanceof RegExp ? found !== undefined && wanted.test(found) : found === wanted;
      if (!fits) wrong.push(`\`${name}\` arrived as \`${found}\``);
    }
  }
  return wrong;
}

function shown(words: string): string {
  return words.length > 200 ? `${words.slice(0, 200)}…` : words;
}

/** @param lines further header lines, without an end. */
export function request(target: string, lines: readonly string[] = [], method = 'GET'): string {
  return message(`${method} ${target} HTTP/1.1`, ['Host: callee', ...lines, 'Connection: close']);
}

export function message(start: string, lines: readonly string[]): string {
  return `${[start, ...lines, `x-row: ${mark}`].join('\r\n')}\r\n\r\n`;
}

/** @param prefix number of the attack, and perhaps what all rows speak of. */
export function named(prefix: string, rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => ({ ...row, name: `${prefix} ${row.name}` }));
}

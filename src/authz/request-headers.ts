/**
 * The headers of one request, as far as Envoy lets them be known.
 *
 * With `encode_raw_headers: true` every line comes as it was sent. Without it Envoy joins lines of one name by commas
 * and writes `!` for each byte that is not UTF-8, so neither the lines nor such a value can be told: the union says so,
 * and a judge that compares must say what it does in each case. A comparison that means "is not X" must not be true
 * of something unreadable.
 * Where a line lies in the message is all that is kept of it: most names and values nobody ever asks for.
 */
import { utf8Text } from './wire-reader.ts';

export type HeaderValues =
  /** One for each line, in the order sent; none: the header is absent. */
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  /** One line, or several that Envoy joined by commas. */
  | { readonly kind: 'joined'; readonly text: string }
  /** At least one line is not UTF-8, or was not before Envoy replaced bytes of it. */
  | { readonly kind: 'unreadable' };

/** What Envoy writes for a byte that is not UTF-8. Source: attribute_context.proto, HttpRequest.headers. */
const replacedByte = '!';

const absent: HeaderValues = { kind: 'lines', lines: [] };

/** Numbers kept of a line: where its name begins and ends, and where its value does. */
const stride = 4;

export class RequestHeaders {
  /** `raw`: lines as sent. `joined`: as Envoy gives them without `encode_raw_headers`. */
  readonly form: 'raw' | 'joined';
  readonly #message: Buffer;
  readonly #places: number[] = [];

  constructor(form: 'raw' | 'joined', message: Buffer) {
    this.form = form;
    this.#message = message;
  }

  /** Lines so far. */
  get size(): number {
    return this.#places.length / stride;
  }

  /** One more line, where it lies in the message. Its name is UTF-8. */
  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    this.#places.push(nameStart, nameEnd, valueStart, valueEnd);
  }

  /** @param name in lower case, as Envoy writes every name; `:path` and the like included. */
  values(name: string): HeaderValues {
    const lines: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + stride)) {
      const text = utf8Text(this.#message, this.#place(at + 2), this.#place(at + 3));
      if (text === undefined) return { kind: 'unreadable' };
      lines.push(text);
    }
    const last = lines.at(-1);
    if (last === undefined) return absent;
    if (this.form === 'raw') return { kind: 'lines', lines };
    // It travels as a map, in which the last entry of a name counts.
    return last.includes(replacedByte) ? { kind: 'unreadable' } : { kind: 'joined', text: last };
  }

  /**
   * The same lines as bytes, one character a byte: for who compares with what is written in visible ASCII only.
   * In the joined form there is one line, in which `!` may stand for any byte that is not UTF-8.
   */
  lines(name: string): readonly string[] {
    const lines: string[] = [];
    for (let at = this.#find(name, 0); at >= 0; at = this.#find(name, at + stride)) {
      lines.push(this.#message.toString('latin1', this.#place(at + 2), this.#place(at + 3)));
    }
    return this.form === 'raw' ? lines : lines.slice(-1);
  }

  /** Each name once, in the order of its first line. */
  names(): readonly string[] {
    const names = new Set<string>();
    for (let at = 0; at < this.#places.length; at += stride) {
      names.add(this.#message.toString('utf8', this.#place(at), this.#place(at + 1)));
    }
    return [...names];
  }

  /** @returns the first line of that name, from `at` on; below 0 for none. */
  #find(name: string, from: number): number {
    for (let at = from; at < this.#places.length; at += stride) {
      if (isText(this.#message, this.#place(at), this.#place(at + 1), name)) return at;
    }
    return -1;
  }

  #place(at: number): number {
    return this.#places[at] ?? 0;
  }
}

/** Whether those bytes are this text in UTF-8, which is never shorter than its characters. */
function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start < text.length) return false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character >= 0x80) return bytes.toString('utf8', start, end) === text;
    if (bytes[start + at] !== character) return false;
  }
  return end - start === text.length;
}

/**
 * The headers of one request, as far as Envoy lets them be known.
 *
 * With `encode_raw_headers: true` every line comes as it was sent. Without it Envoy joins lines of one name by commas
 * and writes `!` for each byte that is not UTF-8, so neither the lines nor such a value can be told: the union says so,
 * and a judge that compares must say what it does in each case. A comparison that means "is not X" must not be true
 * of something unreadable.
 */
import { type ByteRange, utf8Text } from './wire-reader.ts';

export type HeaderValues =
  /** One for each line, in the order sent; none: the header is absent. */
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  /** One line, or several that Envoy joined by commas. */
  | { readonly kind: 'joined'; readonly text: string }
  /** At least one line is not UTF-8, or was not before Envoy replaced bytes of it. */
  | { readonly kind: 'unreadable' };

/** One header line where it lies in the message: a value is made text when somebody asks. */
export interface HeaderLine {
  readonly name: string;
  readonly value: ByteRange;
}

/** What Envoy writes for a byte that is not UTF-8. Source: attribute_context.proto, HttpRequest.headers. */
const replacedByte = '!';

const absent: HeaderValues = { kind: 'lines', lines: [] };

export class RequestHeaders {
  /** `raw`: lines as sent. `joined`: as Envoy gives them without `encode_raw_headers`. */
  readonly form: 'raw' | 'joined';
  readonly #message: Buffer;
  readonly #lines: readonly HeaderLine[];

  constructor(form: 'raw' | 'joined', message: Buffer, lines: readonly HeaderLine[]) {
    this.form = form;
    this.#message = message;
    this.#lines = lines;
  }

  /** @param name in lower case, as Envoy writes every name; `:path` and the like included. */
  values(name: string): HeaderValues {
    const found = this.#lines.filter((line) => line.name === name);
    if (found.length === 0) return absent;
    const lines: string[] = [];
    for (const { value } of found) {
      const text = utf8Text(this.#message, value.start, value.end);
      if (text === undefined) return { kind: 'unreadable' };
      lines.push(text);
    }
    if (this.form === 'raw') return { kind: 'lines', lines };
    const text = lines.at(-1) ?? ''; // it travels as a map, in which the last entry of a name counts
    return text.includes(replacedByte) ? { kind: 'unreadable' } : { kind: 'joined', text };
  }

  /**
   * The same lines as bytes, one character a byte: for who compares with what is written in visible ASCII only.
   * In the joined form there is one line, in which `!` may stand for any byte that is not UTF-8.
   */
  lines(name: string): readonly string[] {
    const found = this.#lines.filter((line) => line.name === name);
    const counted = this.form === 'raw' ? found : found.slice(-1);
    return counted.map(({ value }) => this.#message.toString('latin1', value.start, value.end));
  }

  /** Each name once, in the order of its first line. */
  names(): readonly string[] {
    return [...new Set(this.#lines.map(({ name }) => name))];
  }
}

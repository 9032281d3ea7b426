/**
 * A secret text that prints as `[redacted]`, so that no log, error or dump of an object that holds it gives it away.
 *
 *   new Redacted(pem) ──▶ in any object, log, JSON, inspect: "[redacted]" ──reveal()──▶ the one place that needs the bytes
 *
 * `reveal` is the word to search for: each use is a place where a secret leaves our hands.
 */
export class Redacted {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return redactedText;
  }

  toJSON(): string {
    return redactedText;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redactedText;
  }
}

const redactedText = '[redacted]';

/**
 * Counts the bytes that this process copies from memory to memory in JavaScript, while it is asked to.
 *
 *   begin ──▶ Buffer.concat, Buffer.from, Buffer#copy, TypedArray#set, #slice, #write count what they move ──end──▶ bytes
 *
 * What is below is not in it, and is the same for every server that speaks HTTP/2 over TLS: nghttp2 copies into frames, OpenSSL
 * into records, the kernel into its buffers. Counting costs time, so it is on in no round whose time is told.
 */

type Method = (this: unknown, ...args: never[]) => unknown;

interface Watched {
  readonly owner: object;
  readonly name: string;
  /** Of one call, by its result and what it was called with. */
  bytes(result: unknown, args: readonly unknown[]): number;
}

const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

const watched: readonly Watched[] = [
  { owner: Buffer, name: 'concat', bytes: lengthOf },
  { owner: Buffer, name: 'from', bytes: (made, [source]) => (source instanceof ArrayBuffer ? 0 : lengthOf(made)) },
  { owner: Buffer, name: 'copyBytesFrom', bytes: lengthOf },
  { owner: Buffer.prototype, name: 'copy', bytes: Number },
  { owner: Buffer.prototype, name: 'write', bytes: Number },
  { owner: Buffer.prototype, name: 'utf8Write', bytes: Number },
  { owner: Buffer.prototype, name: 'latin1Write', bytes: Number },
  { owner: typedArray, name: 'set', bytes: (_, [source]) => lengthOf(source) },
  { owner: typedArray, name: 'slice', bytes: lengthOf },
];

export class CopiedBytes {
  readonly #real = new Map<Watched, PropertyDescriptor>();
  #bytes = 0;
  /** One that calls another copies once. */
  #depth = 0;

  begin(): void {
    this.#bytes = 0;
    for (const each of watched) {
      const real = Object.getOwnPropertyDescriptor(each.owner, each.name);
      if (real === undefined || this.#real.has(each)) continue;
      this.#real.set(each, real);
      Object.defineProperty(each.owner, each.name, { ...real, value: this.#counting(each, real.value) });
    }
  }

  /** @returns bytes since `begin`. */
  end(): number {
    for (const [{ owner, name }, real] of this.#real) Object.defineProperty(owner, name, real);
    this.#real.clear();
    return this.#bytes;
  }

  #counting(each: Watched, real: Method): Method {
    const count = (act: () => unknown, args: readonly unknown[]): unknown => {
      this.#depth += 1;
      try {
        const result = act();
        if (this.#depth === 1) this.#bytes += each.bytes(result, args);
        return result;
      } finally {
        this.#depth -= 1;
      }
    };
    return function (this: unknown, ...args: never[]) {
      return count(() => real.apply(this, args), args);
    };
  }
}

function lengthOf(array: unknown): number {
  return ArrayBuffer.isView(array) ? array.byteLength : 0;
}

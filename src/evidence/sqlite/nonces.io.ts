/** Nonces, each given once: drawn from the system many at a time, as one draw costs as much as to chain a record. */
import { randomFillSync } from 'node:crypto';
import { nonceBytes } from '../chain/chain.ts';

const noncesPerDraw = 256;

export class Nonces {
  #drawn: Buffer = Buffer.alloc(0);

  next(): Buffer {
    if (this.#drawn.length === 0) this.#drawn = randomFillSync(Buffer.alloc(noncesPerDraw * nonceBytes));
    const nonce = this.#drawn.subarray(0, nonceBytes);
    this.#drawn = this.#drawn.subarray(nonceBytes);
    return nonce;
  }
}

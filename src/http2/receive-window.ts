/**
 * How much DATA the client may send on the whole connection: what it has sent is given back once nobody holds it any more, so
 * that the window is the bound of all that is held. It is given back in large pieces, since each is a frame.
 * Source: RFC 9113, section 6.9.
 */

/** A piece is this part of the window. */
const pieceShare = 8;

export class ReceiveWindow {
  readonly #pieceBytes: number;
  /** May still be sent. */
  #left: number;
  #returnable = 0;

  constructor(bytes: number) {
    this.#left = bytes;
    this.#pieceBytes = bytes / pieceShare;
  }

  /** @returns false where the client has sent more than it may. */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** @returns by how much the client is to be told that the window is wider; 0: not now. */
  giveBack(bytes: number): number {
    this.#returnable += bytes;
    if (this.#returnable < this.#pieceBytes) return 0;
    const wider = this.#returnable;
    this.#left += wider;
    this.#returnable = 0;
    return wider;
  }
}

/**
 * Puts header blocks together: HEADERS, and the CONTINUATIONs that must follow at once where it is not the end.
 *
 *   HEADERS ──END_HEADERS?──▶ block(stream, endStream, bytes)          CONTINUATION ──END_HEADERS?──▶ the same, all in one
 *
 * Bounded by bytes and by pieces: a client may send empty ones for ever (a "CONTINUATION flood").
 * Source: RFC 9113, sections 6.2 and 6.10.
 */
import { type ErrorCode, errorCode } from './error-code.ts';
import { flag } from './frame.ts';
import { blockPiece } from './frame-payload.ts';

/** Pieces of one header block. An honest one of our size has one or two. */
const blockPiecesMax = 8;

/** @param block a view: copy what is kept. @returns why the connection ends with it; undefined where it goes on. */
export type TakeBlock = (stream: number, endStream: boolean, block: Buffer) => ErrorCode | undefined;

interface OpenBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly pieces: Buffer[];
  bytes: number;
}

export class BlockReader {
  readonly #bytesMax: number;
  readonly #takeBlock: TakeBlock;
  #open: OpenBlock | undefined;

  constructor(bytesMax: number, takeBlock: TakeBlock) {
    this.#bytesMax = bytesMax;
    this.#takeBlock = takeBlock;
  }

  /** Nothing but a CONTINUATION may come next. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  takeHeaders(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id % 2 === 0) return errorCode.protocol;
    const piece = blockPiece(flags, payload);
    if (typeof piece === 'number') return piece;
    const endStream = (flags & flag.endStream) !== 0;
    if ((flags & flag.endHeaders) !== 0) return this.#takeBlock(id, endStream, piece);
    this.#open = { stream: id, endStream, pieces: [Buffer.from(piece)], bytes: piece.length };
    return undefined;
  }

  takeContinuation(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    const block = this.#open;
    if (block === undefined || block.stream !== id) return errorCode.protocol;
    block.bytes += payload.length;
    block.pieces.push(Buffer.from(payload));
    if (block.bytes > this.#bytesMax || block.pieces.length > blockPiecesMax) return errorCode.enhanceYourCalm;
    if ((flags & flag.endHeaders) === 0) return undefined;
    this.#open = undefined;
    return this.#takeBlock(id, block.endStream, Buffer.concat(block.pieces));
  }
}

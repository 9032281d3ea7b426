/** What a method of a lean server is: bytes in, bytes out. */
import type { status } from '@grpc/grpc-js';
import type { Peer } from './peer.ts';

export type LeanMethod =
  | {
      readonly kind: 'unary';
      /** A promise of an answer must not reject. */
      answer(message: Buffer, call: LeanCall): LeanAnswer | Promise<LeanAnswer>;
    }
  /** Told now and again until the caller leaves. */
  | { readonly kind: 'watch'; watch(message: Buffer, tell: (message: Uint8Array) => void): LeanWatch };

export interface LeanCall {
  /** The caller's end of the connection. */
  readonly address: string;
  readonly peer: Peer;
  /** @param name in lower case. @returns undefined where it is not there, or there twice. */
  header(name: string): string | undefined;
}

export type LeanAnswer =
  | {
      readonly kind: 'message';
      readonly bytes: Uint8Array;
      /** Beside those that every answer has; names in lower case. */
      readonly headers?: Readonly<Record<string, string>>;
    }
  | LeanStatus;

/** An answer without a message. */
export interface LeanStatus {
  readonly kind: 'status';
  readonly code: status;
  /** Printable ASCII. */
  readonly details: string;
}

export type LeanWatch =
  | { readonly kind: 'watching'; end(): void }
  /** There is nothing to hear. */
  | LeanStatus;

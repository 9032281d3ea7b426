/**
 * Responses that were written lately, without their nonces: a stream that is told what another was told shares its bytes.
 *
 *   two thousand streams, one change ──▶ one body, written once           another content ──▶ another body
 *
 * Resources are values: two responses are the same where they carry the very same ones. What is kept is bounded, and whoever
 * finds nothing here writes it anew.
 */
import { sharedBodyBytesMax } from './limits.ts';
import type { Send } from './order.ts';
import { Response, type ResponseBody, type SharedSend } from './response.ts';

interface Written {
  readonly send: SharedSend;
  readonly body: ResponseBody;
}

export class SharedBodies {
  readonly #write: (send: SharedSend) => ResponseBody;
  readonly #bytesMax: number;
  /** The oldest first. */
  readonly #written = new Map<string, Written>();
  #bytes = 0;

  constructor(write: (send: SharedSend) => ResponseBody, bytesMax: number = sharedBodyBytesMax) {
    this.#write = write;
    this.#bytesMax = bytesMax;
  }

  responseOf(send: Send): Response {
    return new Response(this.#bodyOf(send), send.nonce);
  }

  #bodyOf(send: Send): ResponseBody {
    const { typeUrl, version, form, resources, removed } = send;
    const key = JSON.stringify([typeUrl, version, form, resources.length, resources[0]?.name, removed[0]]);
    const known = this.#written.get(key);
    if (known !== undefined && areSame(known.send.resources, resources) && areSame(known.send.removed, removed)) {
      return known.body;
    }
    const body = this.#write(send);
    this.#forget(key);
    this.#written.set(key, { send: { typeUrl, version, form, resources, removed }, body });
    this.#bytes += sizeOf(body);
    for (const oldest of this.#written.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(oldest);
    }
    return body;
  }

  #forget(key: string): void {
    const known = this.#written.get(key);
    if (known === undefined) return;
    this.#written.delete(key);
    this.#bytes -= sizeOf(known.body);
  }
}

function sizeOf({ head, tail }: ResponseBody): number {
  return head.length + tail.length;
}

function areSame(some: readonly unknown[], others: readonly unknown[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}

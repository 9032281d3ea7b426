/**
 * Many requests on one connection of one caller, and what became of each, in one word.
 *
 *   `wall`        TLS refused the caller: nothing was answered at all
 *   `400`, `403`  the sidecar's answer
 *   `/admin`      the application's answer: the path it saw
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import type { TLSSocket } from 'node:tls';

export type Outcome = string;

export interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Longest wait for one answer, in ms; the loaded machine's, not Envoy's. */
const answerMs = 20_000;

/** Which host a request names is nobody's question here, but each must name one. */
export const askedHost = 'callee.test';

export class Conversation {
  readonly #session: ClientHttp2Session;
  #ended = false;

  /** @param socket whose handshake may still be under way, and may fail. */
  constructor(socket: TLSSocket) {
    const ended = () => {
      this.#ended = true;
    };
    socket.on('error', ended).on('close', ended);
    this.#session = connect(`https://${askedHost}`, { createConnection: () => socket });
    this.#session.on('error', ended).on('close', ended).on('goaway', ended);
  }

  /** Only `wall` before the first answer came: after it, a connection that ends is an error of the rig. */
  ask(asked: Asked): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        resolve('wall');
        return;
      }
      const stream = this.#session.request({ ':method': asked.method, ':path': asked.path });
      let status = 0;
      let text = '';
      stream.setTimeout(answerMs, () => reject(new Error(`no answer to ${asked.method} ${asked.path}`)));
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      stream.on('response', (headers) => {
        status = headers[':status'] ?? 0;
      });
      stream.on('error', () => undefined); // `close` follows, without a status
      stream.on('close', () => resolve(status === 0 ? 'wall' : status === 200 ? seenBy(text) : String(status)));
    });
  }

  end(): void {
    this.#session.destroy();
  }
}

function seenBy(answer: string): string {
  const { path }: { readonly path: string } = JSON.parse(answer);
  return path;
}

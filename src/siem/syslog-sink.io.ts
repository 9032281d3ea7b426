/**
 * Syslog over TLS to one receiver: a connection for each batch.
 *
 * Syslog acknowledges nothing, and what lies in a socket's buffer when the receiver dies is lost without a word. So each
 * batch has a connection, which we end, and it is delivered when the receiver has ended its own side after that (RFC 5425,
 * section 4.4). That costs a handshake a batch, and a batch takes what came meanwhile. What is left: a receiver that is
 * killed between our last byte and its end looks like one that has read it, since Node does not tell the two ends of TLS
 * apart. Whoever cannot bear that takes a file or HTTP.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import { type Delivery, delivered, retry, type Sink, type SinkRecord } from './sink.ts';
import { syslogFrame } from './syslog-frame.ts';

export interface SyslogSinkRules {
  readonly address: string;
  readonly port: number;
  readonly serverName: string;
  readonly caFile?: string;
}

export class SyslogSink implements Sink {
  readonly #rules: SyslogSinkRules;
  readonly #host: string;

  /** @param host name of the sender in each message. */
  constructor(rules: SyslogSinkRules, host: string) {
    this.#rules = rules;
    this.#host = host;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    try {
      const { caFile } = this.#rules;
      const ca = caFile === undefined ? undefined : await readFile(caFile, { signal });
      const frames = batch.map((record) => syslogFrame(record, this.#host)).join('');
      return await this.#send(frames, ca, signal);
    } catch (error) {
      return retry(error);
    }
  }

  async close(): Promise<void> {}

  #send(frames: string, ca: Buffer | undefined, signal: AbortSignal): Promise<Delivery> {
    return new Promise((resolve) => {
      const socket = this.#connect(ca);
      let sent = false;
      const settle = (delivery: Delivery) => {
        signal.removeEventListener('abort', giveUp);
        socket.destroy();
        resolve(delivery);
      };
      const giveUp = () => settle(retry('the receiver did not read to the end in time'));
      socket.on('error', (error) => settle(retry(error)));
      // Only once its certificate was found good; nothing is written before.
      socket.on('secureConnect', () => {
        socket.end(frames, () => {
          sent = true;
        });
      });
      // A receiver has nothing to say; it is read, so that its end is seen.
      socket.resume();
      socket.on('end', () => settle(sent ? delivered : retry('the receiver closed before it had read everything')));
      socket.on('close', () => settle(retry('the connection was cut')));
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #connect(ca: Buffer | undefined): TLSSocket {
    const { address, port, serverName } = this.#rules;
    return connect({
      host: address,
      port,
      // An address may not be sent as SNI (RFC 6066, section 3).
      servername: isIP(serverName) === 0 ? serverName : '',
      checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
      ...(ca === undefined ? {} : { ca }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    });
  }
}

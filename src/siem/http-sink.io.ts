/**
 * A JSON array to a collector over HTTP, one POST a batch.
 *
 *   2xx delivered · 408, 429, 5xx, silence, nonsense: later · 401, 403, 404 and what else is our setting: later, and told
 *   other 4xx: a record in it will never be taken, so whoever sent the batch divides it
 *
 * What is answered is not trusted: no redirect is followed (it would carry the authorization elsewhere), and of a body
 * no more is read than a message needs.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { Agent, type Dispatcher, request } from 'undici';
import { retryAfterMs } from './retry-after.ts';
import { type Delivery, delivered, messageOf, retry, type Sink, type SinkRecord } from './sink.ts';

export interface HttpSinkRules {
  readonly url: string;
  readonly caFile?: string;
  readonly authorizationFile?: string;
}

/** What of an answer's body is read, in bytes: enough for a message. */
const answerBytesMax = 4_096;

/** Largest header of an answer, in bytes. */
const headerBytesMax = 16_384;

/** Longest value of the Authorization header, in characters. */
const authorizationLengthMax = 8_192;

/** Answers below 500 that say nothing of the records: of credentials, address, method, time and rate. */
const notTheRecords: readonly number[] = [401, 402, 403, 404, 405, 407, 408, 410, 421, 425, 426, 429, 451];

export class HttpSink implements Sink {
  readonly #rules: HttpSinkRules;
  readonly #nowMs: () => number;
  /** With the certificates of the file as it was; a new one for each batch where there is a file. */
  #agent: { readonly ca: string | undefined; readonly agent: Agent } | undefined;

  constructor(rules: HttpSinkRules, nowMs: () => number) {
    this.#rules = rules;
    this.#nowMs = nowMs;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    try {
      const url = safeUrl(this.#rules.url);
      const authorization = await this.#authorization(signal);
      const answer = await request(url, {
        dispatcher: await this.#dispatcher(signal),
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'coffre',
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: `[${batch.map(({ line }) => line).join(',')}]`,
        signal,
      });
      return await this.#judge(answer);
    } catch (error) {
      return retry(error);
    }
  }

  async close(): Promise<void> {
    await this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  async #judge({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Delivery> {
    if (statusCode >= 200 && statusCode < 300) {
      // Read, so that the connection serves the next batch; but one without end is cut off, and changes nothing.
      await body.dump({ limit: answerBytesMax }).catch(() => undefined);
      return delivered;
    }
    const said = await beginningOf(body);
    const message = `answered ${statusCode}${said === '' ? '' : `: ${said}`}`;
    if (statusCode < 400) return { kind: 'retry', message: `${message}; redirects are not followed` };
    if (statusCode < 500 && !notTheRecords.includes(statusCode)) return { kind: 'refused', message };
    const afterMs = retryAfterMs(headers['retry-after'], this.#nowMs());
    return { kind: 'retry', message, ...(afterMs === undefined ? {} : { afterMs }) };
  }

  async #authorization(signal: AbortSignal): Promise<string | undefined> {
    const { authorizationFile } = this.#rules;
    if (authorizationFile === undefined) return undefined;
    const value = (await readFile(authorizationFile, { encoding: 'utf8', signal })).trim();
    if (value === '' || value.length > authorizationLengthMax || !/^[ -~]+$/.test(value))
      throw new Error(`${authorizationFile} holds no value of an Authorization header`);
    return value;
  }

  async #dispatcher(signal: AbortSignal): Promise<Agent> {
    const { caFile } = this.#rules;
    const ca = caFile === undefined ? undefined : await readFile(caFile, { encoding: 'utf8', signal });
    if (this.#agent !== undefined && this.#agent.ca === ca) return this.#agent.agent;
    await this.close();
    const agent = new Agent({
      connections: 1,
      pipelining: 0,
      maxHeaderSize: headerBytesMax,
      // The signal is the deadline of everything together.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    });
    this.#agent = { ca, agent };
    return agent;
  }
}

/** @throws where events would leave this host unencrypted. */
function safeUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol === 'https:') return url;
  const { hostname } = url;
  if (url.protocol === 'http:' && (hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))))
    return url;
  throw new Error(`\`${text}\` is neither https nor at this host`);
}

async function beginningOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= answerBytesMax) break; // which destroys the rest
    }
  } catch (error) {
    return messageOf(error);
  }
  return messageOf(Buffer.concat(chunks).toString())
    .replaceAll(/[\p{C}\u2028\u2029]+/gu, ' ')
    .trim();
}

/**
 * One GET to a probe target: no redirect is followed, no connection kept, and no more is read than was asked for.
 *
 * A connection each, as a newcomer would have: a kept one outlives what it was made through.
 */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import { addressesOf } from './guarded-lookup.io.ts';

export interface HttpAnswer {
  readonly status: number;
  /** From the call to the head of the answer, in ms. */
  readonly latencyMs: number;
  /** As far as it was asked for. */
  readonly body: string;
}

/** Called by `net.connect` for each connection, so what is checked is what is dialled. */
const guardedLookup: LookupFunction = (host, options, callback) => {
  const answer = ([first, ...more]: readonly LookupAddress[]) => {
    if (first === undefined) throw new Error(`\`${host}\` has no address`);
    if (options.all === true) callback(null, [first, ...more]);
    else callback(null, first.address, first.family);
  };
  addressesOf(host)
    .then(answer)
    .catch((error: NodeJS.ErrnoException) => callback(error, ''));
};

/** Connections to one target at a time: each drill has 16 probes at most. */
const connectionsMax = 64;

const dispatcher = new Agent({ connections: connectionsMax, pipelining: 0, connect: { lookup: guardedLookup } });

/** @param bodyBytesMax what of the body is wanted; a longer one is an error, unless none is. @throws where there is no answer, or not before the signal. */
export async function httpGet(url: URL, bodyBytesMax: number, signal: AbortSignal): Promise<HttpAnswer> {
  const began = performance.now();
  const answer = await request(url, { dispatcher, reset: true, signal });
  const latencyMs = performance.now() - began;
  if (bodyBytesMax === 0) {
    answer.body.on('error', () => undefined).destroy();
    return { status: answer.statusCode, latencyMs, body: '' };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`the answer is longer than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.statusCode, latencyMs, body: Buffer.concat(chunks).toString() };
}

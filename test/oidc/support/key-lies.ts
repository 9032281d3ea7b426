/** SEC-43 as a table: what a host may answer that is asked for an issuer's keys, and why none of it is believed. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Answer, json } from './lying-host.ts';
import { signingKey } from './token-forge.ts';

export type KeyLie = readonly [name: string, answer: Answer, why: RegExp];

/** The key that good tokens are signed by; most lies bring it along. */
export const issuerKey = signingKey('a', 'P-256');
export const keys = { keys: [issuerKey.listed()] };

export const jsonHead = { 'content-type': 'application/json' };
const redirect =
  (location: string, status: number): Answer =>
  (response) =>
    response.writeHead(status, { location }).end();

/** Answers whose body is not read, or not to its end. */
export const refusedAnswers: readonly KeyLie[] = [
  ['a redirect to the metadata service', redirect('https://169.254.169.254/latest/meta-data', 302), /302/],
  ['a redirect to a private range', redirect('https://10.0.0.1/keys', 307), /307/],
  ['a redirect to itself', redirect('/elsewhere', 301), /301/],
  ['an error', (response) => response.writeHead(503, jsonHead).end(JSON.stringify(keys)), /503/],
  ['HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), /else than JSON/],
  ['JSON called something else', (response) => response.writeHead(200).end(JSON.stringify(keys)), /else than JSON/],
  [
    'a compressed bomb',
    (response) =>
      response.writeHead(200, { ...jsonHead, 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(8_388_608, ' '))),
    /compressed/,
  ],
  [
    'a connection cut in the middle',
    (response) => response.writeHead(200, jsonHead).write('{"', () => response.destroy()),
    /./,
  ],
  [
    'less than it promised',
    (response) => response.writeHead(200, { ...jsonHead, 'content-length': 99 }).write('{}', () => response.destroy()),
    /./,
  ],
  [
    'a head without end',
    (response) => response.writeHead(200, { ...jsonHead, x: 'x'.repeat(65_536) }).end('{}'),
    /Headers Overflow/,
  ],
];

/** Documents that are read, and are none. */
export const brokenDocuments: readonly KeyLie[] = [
  ['invalid JSON', (response) => response.writeHead(200, jsonHead).end('{"keys":['), /./],
  ['random bytes', (response) => response.writeHead(200, jsonHead).end(randomBytes(1_024)), /./],
  ['no list of keys', json({ keys: 'none' }), /./],
  ['two lists of keys', (response) => response.writeHead(200, jsonHead).end('{"keys":[],"keys":[]}'), /./],
  ['a thousand keys', json({ keys: Array.from({ length: 1_000 }, () => issuerKey.listed()) }), /./],
  ['JSON without a bottom', (response) => response.writeHead(200, jsonHead).end('['.repeat(200_000)), /./],
];

/** @returns a body of 100 MiB, written as fast as it is taken. @param wrote told of each piece, in bytes. */
export function hundredMebibytes(wrote: (bytes: number) => void = () => undefined): Answer {
  return (response) => {
    const chunk = Buffer.alloc(65_536, ' ');
    let left = 100 * 1_048_576;
    response.writeHead(200, jsonHead);
    const more = () => {
      while (left > 0) {
        left -= chunk.length;
        wrote(chunk.length);
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  };
}

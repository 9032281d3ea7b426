/** SEC-15, SEC-16 and SEC-20: what is no text, bodies, and messages that two readers would cut in different places. */
import { gzipSync } from 'node:zlib';
import { block, flags, frame, preface } from './h2-frames.ts';
import { message, named, type Row, request } from './row.ts';
import { h2, h2Fields, kept, upgrade } from './tunnel-rows.ts';

const passes = '200 GET /ok';
const post = (path: string, lines: readonly string[], body: string) =>
  message(`POST ${path} HTTP/1.1`, ['Host: callee', ...lines]) + body;
const lengthOf = (body: string) => [`Content-Length: ${body.length}`, 'Connection: close'];
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const inChunks = ['Transfer-Encoding: chunked', 'Connection: close'];
const h2Post = (path: string) => `${preface}${frame('headers', flags.endHeaders, 1, block(h2Fields('POST', path)))}`;

const large = 'a'.repeat(300_000);
const gzipped = gzipSync('role=admin').toString('latin1');

/** No rule of ours reads a body: the head alone is judged, before a byte of the body has come. */
const bodies: readonly Row[] = [
  {
    name: 'a body that never comes, closed path',
    bytes: post('/admin', ['Content-Length: 1000000'], ''),
    becomes: '403',
    granted: '200 POST /admin',
  },
  {
    name: 'chunks that never come, closed path',
    bytes: post('/admin', ['Transfer-Encoding: chunked'], ''),
    becomes: '403',
    granted: '200 POST /admin',
  },
  {
    name: 'a body that never comes is judged by its head',
    bytes: post('/ok', ['Content-Length: 1000000'], ''),
    becomes: '200 POST /ok',
  },
  {
    name: 'a body of 300 kB, closed path',
    bytes: post('/admin', lengthOf(large), large),
    becomes: '403',
    granted: '200 POST /admin',
  },
  {
    name: 'a body of 300 kB passes whole',
    bytes: post('/ok', lengthOf(large), large),
    becomes: '200 POST /ok',
    arrives: { 'content-length': '300000' },
  },
  {
    name: 'a body in chunks',
    bytes: post('/ok', inChunks, chunked(large)),
    becomes: '200 POST /ok',
    arrives: { 'transfer-encoding': 'chunked' },
  },
  {
    name: 'a body that is compressed',
    bytes: post('/ok', ['Content-Encoding: gzip', ...lengthOf(gzipped)], gzipped),
    becomes: '200 POST /ok',
    arrives: { 'content-encoding': 'gzip' },
  },
  {
    name: 'HTTP/2 without a length, closed path',
    ...h2,
    bytes: h2Post('/admin'),
    becomes: '403',
    granted: '200 POST /admin',
  },
  {
    name: 'HTTP/2 without a length and without an end',
    ...h2,
    bytes: h2Post('/ok') + frame('data', 0, 1, 'a'),
    becomes: '200 POST /ok',
  },
  {
    name: 'HTTP/2 with more than its length',
    ...h2,
    bytes:
      preface +
      frame('headers', flags.endHeaders, 1, block([...h2Fields('POST', '/admin'), ['content-length', '1']])) +
      frame('data', flags.endStream, 1, 'aa'),
    becomes: 'reset',
  },
];

const invalid: readonly Row[] = [
  {
    name: 'a header that is no text, closed path',
    bytes: request('/admin', ['x-note: \xc3\x28']),
    becomes: '403',
    granted: '200 GET /admin',
  },
  { name: 'a header that is no text is judged', bytes: request('/ok', ['x-note: \xff\xfe\xc0\x80']), becomes: passes },
  {
    name: 'a hundred bytes that are no text',
    bytes: request('/ok', [`x-role: reader!${'\xff'.repeat(100)}`]),
    as: 'anton',
    becomes: '403',
    granted: passes,
  },
  {
    name: 'a header that Envoy would write as one that allows',
    bytes: request('/ok', ['x-role: reader\x80']),
    as: 'anton',
    becomes: '403',
    granted: passes,
  },
  { name: 'a query that is no text', bytes: request('/ok?\xff'), becomes: '400', byAnyParser: true },
  { name: 'a method that is no text', bytes: request('/ok', [], 'G\xcbT'), becomes: '400', byAnyParser: true },
];

const smuggled: readonly Row[] = [
  {
    name: 'an upgrade to h2c is not made',
    bytes: upgrade('h2c', '/ok', ['HTTP2-Settings: AAMAAABkAAQAAP__']),
    becomes: passes,
  },
  { name: 'HTTP/1.0', bytes: message('GET /ok HTTP/1.0', ['Host: callee']), becomes: '426' },
  { name: 'HTTP/0.9', bytes: 'GET /ok\r\n\r\n', becomes: '426' },
  { name: 'HTTP/1.2', bytes: message('GET /ok HTTP/1.2', ['Host: callee']), becomes: '426' },
  {
    name: 'a preface inside HTTP/1.1',
    bytes: `${kept('/ok')}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    becomes: '200 400 GET /ok',
  },
  {
    name: 'two requests, each judged',
    bytes: kept('/ok') + kept('/admin'),
    becomes: '200 403 GET /ok',
    granted: '200 200 GET /ok GET /admin',
  },
  {
    name: 'what follows an empty body',
    bytes: post('/ok', ['Content-Length: 0'], kept('/admin')),
    becomes: '200 403 POST /ok',
    granted: '200 200 POST /ok GET /admin',
  },
  {
    name: 'what follows the last chunk',
    bytes: post('/ok', ['Transfer-Encoding: chunked'], `0\r\n\r\n${kept('/admin')}`),
    becomes: '200 403 POST /ok',
    granted: '200 200 POST /ok GET /admin',
  },
  {
    name: 'a request within a body is a body',
    bytes: post('/ok', lengthOf(kept('/admin')), kept('/admin')),
    becomes: '200 POST /ok',
  },
  {
    name: 'a body to GET is a body',
    bytes: message('GET /ok HTTP/1.1', ['Host: callee', ...lengthOf(kept('/admin'))]) + kept('/admin'),
    becomes: passes,
  },
  {
    name: 'two kinds of length',
    bytes: post('/ok', ['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${kept('/admin')}`),
    becomes: '400',
  },
  {
    name: 'two kinds of length, the other way round',
    bytes: post('/ok', ['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${kept('/admin')}`),
    becomes: '400',
  },
  {
    name: 'two lengths',
    bytes: post('/ok', ['Content-Length: 1', 'Content-Length: 2'], 'ab'),
    becomes: '400',
    byAnyParser: true,
  },
  {
    name: 'two lengths between commas',
    bytes: post('/ok', ['Content-Length: 1, 2'], 'ab'),
    becomes: '400',
    byAnyParser: true,
  },
  { name: 'a length with a sign', bytes: post('/ok', ['Content-Length: +1'], 'a'), becomes: '400', byAnyParser: true },
  {
    name: 'a length in hexadecimal',
    bytes: post('/ok', ['Content-Length: 0x1'], 'a'),
    becomes: '400',
    byAnyParser: true,
  },
  { name: 'two codings', bytes: post('/ok', ['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'), becomes: '501' },
  {
    name: 'two lines of codings',
    bytes: post('/ok', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], '0\r\n\r\n'),
    becomes: '501',
  },
  {
    name: 'a coding that looks like chunked',
    bytes: post('/ok', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
    becomes: '501',
  },
  {
    name: 'a chunk of a size that is none',
    bytes: post('/ok', ['Transfer-Encoding: chunked'], 'g\r\n\r\n'),
    becomes: '400',
  },
  { name: 'a blank before the colon', bytes: request('/ok', ['x-a : a']), becomes: '400', byAnyParser: true },
  {
    name: 'a blank before the colon of a length',
    bytes: post('/ok', ['Content-Length : 1'], 'a'),
    becomes: '400',
    byAnyParser: true,
  },
  {
    name: 'a line that begins with a blank',
    bytes: message('GET /ok HTTP/1.1', [' x-a: a', 'Host: callee']),
    becomes: '400',
    byAnyParser: true,
  },
  { name: 'a method in small letters', bytes: request('/ok', [], 'get'), becomes: '400', byAnyParser: true },
  { name: 'nothing but line ends', bytes: `\r\n\r\n${request('/ok')}`, becomes: passes },
];

export const messageRows: readonly Row[] = [
  ...named('SEC-15', invalid),
  ...named('SEC-16', bodies),
  ...named('SEC-20', smuggled),
];

/**
 * SEC-23: HTTP/2 connections that ask for more than they should get. What is counted: streams that the application saw,
 * streams that were refused, and whether Envoy ended the connection.
 */
import { sniOf } from '../../../src/envoy/names.ts';
import { spiffeId } from '../../fixtures/random-mesh.ts';
import { block, flags, frame, framesIn, preface } from './h2-frames.ts';
import type { JudgedSidecar } from './judged-sidecar.ts';

export interface Flooded {
  /** Streams that were reset. */
  readonly refused: number;
  readonly answered: number;
  /** By Envoy, before patience ended. */
  readonly ended: boolean;
  readonly seen: number;
}

/** Longest wait for an end, in ms. */
const patienceMs = 8_000;
/** Silence after which no more is expected, in ms: longer than the application takes. */
const quietMs = 1_500;

export async function flood(rig: JudgedSidecar, bytes: string): Promise<Flooded> {
  const before = rig.app.requests().length;
  const options = { servername: sniOf('aurore'), ALPNProtocols: ['h2'] };
  const socket = await rig.sidecar.dialTls(8_080, rig.callers.of(spiffeId('aurore', 'adele')), options);
  const parts: Buffer[] = [];
  const ended = await new Promise<boolean>((resolve) => {
    socket.on('secureConnect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      socket.setTimeout(quietMs);
    });
    socket.on('error', () => resolve(true));
    socket.on('end', () => resolve(true));
    socket.setTimeout(patienceMs, () => resolve(false));
  });
  socket.destroy();
  const frames = framesIn(Buffer.concat(parts));
  const count = (type: string) => frames.filter((each) => each.type === type).length;
  const seen = rig.app.requests().length - before;
  return { refused: count('reset'), answered: count('headers'), ended: ended || count('goaway') > 0, seen };
}

const fields = (path: string) =>
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'callee'],
    [':path', path],
  ] as const;
const acknowledged = preface + frame('settings', 1, 0, '');
const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);

/** Streams that stay open. */
export function openStreams(count: number): string {
  const asked = block(fields('/delay/700'));
  return (
    acknowledged +
    ids(count)
      .map((id) => frame('headers', flags.endStream | flags.endHeaders, id, asked))
      .join('')
  );
}

/** Each stream reset as soon as it is begun. */
export function rapidResets(count: number): string {
  const asked = block(fields('/delay/700'));
  const cancel = '\0\0\0\x08';
  const each = (id: number) =>
    frame('headers', flags.endStream | flags.endHeaders, id, asked) + frame('reset', 0, id, cancel);
  return acknowledged + ids(count).map(each).join('');
}

/** A header block that goes on, a kilobyte a frame, and never ends. */
export function continuations(count: number): string {
  const more = frame('continuation', 0, 1, block([['x-a', 'a'.repeat(1_000)]]));
  return acknowledged + frame('headers', flags.endStream, 1, block(fields('/ok'))) + more.repeat(count);
}

/** One header of 3 kB, kept in the table, and one byte for each time that it is meant. */
export function bomb(count: number): string {
  const kept = `\x40${block([['x-a', 'a'.repeat(3_000)]]).slice(1)}`;
  const meant = '\xbe'.repeat(count);
  return acknowledged + frame('headers', flags.endStream | flags.endHeaders, 1, block(fields('/ok')) + kept + meant);
}

/**
 * Sends rows, several at a time, each on a connection of its own, and says what became of each.
 *
 * The application's log is read when all is over: what arrives after its answer, or without one, is found as well.
 */

import { sniOf } from '../../../src/envoy/names.ts';
import type { AppRequest } from '../../../src/lab/app-process.ts';
import { spiffeId } from '../../fixtures/random-mesh.ts';
import { answerInFrames } from './h2-frames.ts';
import type { JudgedSidecar } from './judged-sidecar.ts';
import { mark, type Outcome, type Row } from './row.ts';

/** Connections at a time. */
const atOnce = 12;
/** Silence after the answers that were expected, in ms: time for one too many. */
const tooManyMs = 80;
/** Longest wait for an answer that is expected, in ms: a bound for a loaded machine. */
const expectedMs = 8_000;
/** The same where none is expected, in ms: many times what an answer takes. */
const silenceMs = 2_000;
/** How often a row is sent that no verdict came for. */
const attemptsMax = 5;

export interface Volley {
  readonly outcomes: ReadonlyMap<Row, Outcome>;
  /** What the application saw that bears no row's mark. */
  readonly strays: readonly AppRequest[];
}

/** @param patienceMs how long an answer is waited for; shorter where most rows are expected to fail. */
export async function volley(
  rig: JudgedSidecar,
  rows: readonly Row[],
  patienceMs: number = expectedMs,
): Promise<Volley> {
  const before = rig.app.requests().length;
  const received = new Map<Row, string>();
  const waiting = rows.entries();
  const sender = async () => {
    for (const [index, row] of waiting) received.set(row, await sendUntilJudged(rig, row, markOf(index), patienceMs));
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  const seen = Map.groupBy(rig.app.requests().slice(before), ({ headers }) => headers['x-row'] ?? '');
  const outcomes = new Map<Row, Outcome>();
  for (const [index, row] of rows.entries()) {
    const text = received.get(row) ?? '';
    outcomes.set(row, { ...read(row, text), text, seen: seen.get(markOf(index)) ?? [] });
    seen.delete(markOf(index));
  }
  return { outcomes, strays: [...seen.values()].flat() };
}

function markOf(index: number): string {
  return `R${String(index).padStart(mark.length - 1, '0')}`;
}

/** On a loaded machine a verdict may come too late: then there is none, nothing has passed, and the row has not been tried. */
async function sendUntilJudged(rig: JudgedSidecar, row: Row, own: string, patienceMs: number): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const text = await send(rig, row, own, patienceMs);
    if (attempt === attemptsMax || row.becomes.includes('503') || !read(row, text).answers.includes('503')) return text;
  }
}

function statusesIn(words: string): number {
  return words.split(' ').filter((word) => /^\d{3}$/.test(word)).length;
}

async function send(rig: JudgedSidecar, row: Row, own: string, mostMs: number): Promise<string> {
  const patienceMs = row.becomes === 'silence' ? Math.min(mostMs, silenceMs) : mostMs;
  const credentials = rig.callers.of(spiffeId('aurore', row.as ?? 'adele'));
  const options = { servername: sniOf('aurore'), ALPNProtocols: [row.protocol ?? 'http/1.1'] };
  const socket = await rig.sidecar.dialTls(8_080, credentials, options);
  // Also where a row leaves open which: one answer has come, and another would be one too many.
  const expected = Math.max(1, statusesIn(row.becomes));
  return new Promise((resolve) => {
    let text = '';
    let failed = false;
    socket.on('secureConnect', () => socket.write(row.bytes.replaceAll(mark, own), 'latin1'));
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      socket.setTimeout(statusesIn(read(row, text).answers) >= expected ? tooManyMs : patienceMs);
    });
    socket.on('error', () => {
      failed = true;
    });
    socket.setTimeout(patienceMs, () => socket.destroy());
    socket.on('close', () => resolve(text === '' && failed ? 'alert' : text));
  });
}

function read(row: Row, text: string): Pick<Outcome, 'answers'> {
  if (text === 'alert') return { answers: text };
  if (row.protocol === 'h2') return { answers: answerInFrames(Buffer.from(text, 'latin1')) };
  const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => status);
  return { answers: statuses.length === 0 ? 'silence' : statuses.join(' ') };
}

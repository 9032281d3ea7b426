/** Bytes on a TLS connection to the sidecar, and all that became of them: what came back, and what the application saw. */
import type { ConnectionOptions } from 'node:tls';
import type { AppProcess, AppRequest } from '../../../src/lab/app-process.ts';
import type { Credentials } from './callers.ts';
import type { OneSidecar } from './one-sidecar.ts';

export interface Became {
  /** Status codes of all answers, in order; `alert` where TLS refused, `silence` where nothing at all came back. */
  readonly answers: string;
  readonly seen: readonly AppRequest[];
}

/** Longest wait for a first byte, in ms. A server that waits for more has not taken the request for whole. */
const firstMs = 1_500;
/** Silence after which no further answer is expected, in ms: Envoy keeps a connection that it will close for a second. */
const quietMs = 250;

export interface Target {
  readonly sidecar: OneSidecar;
  readonly app: AppProcess;
  readonly port: number;
}

/** @param bytes latin1: one character is one byte. */
export async function sendRaw(
  { sidecar, app, port }: Target,
  credentials: Credentials | undefined,
  bytes: string,
  options: ConnectionOptions,
): Promise<Became> {
  const before = app.requests().length;
  const socket = await sidecar.dialTls(port, credentials, options);
  const text = await new Promise<string>((resolve) => {
    let received = '';
    let failed = false;
    socket.on('secureConnect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (part: Buffer) => {
      received += part.toString('latin1');
      socket.setTimeout(quietMs);
    });
    socket.on('error', () => {
      failed = true;
    });
    socket.setTimeout(firstMs, () => socket.destroy());
    socket.on('close', () => resolve(received === '' && failed ? 'alert' : received));
  });
  return { answers: answersIn(text), seen: app.requests().slice(before) };
}

/** Without TLS. */
export async function sendPlain({ sidecar, app, port }: Target, bytes: Buffer): Promise<Became> {
  const before = app.requests().length;
  const socket = await sidecar.dial(port);
  const text = await new Promise<string>((resolve) => {
    let received = '';
    socket.on('data', (part: Buffer) => {
      received += part.toString('latin1');
    });
    socket.on('error', () => socket.destroy());
    socket.setTimeout(firstMs, () => socket.destroy());
    socket.on('close', () => resolve(received));
    socket.write(bytes);
  });
  return { answers: text === '' ? 'silence' : text, seen: app.requests().slice(before) };
}

function answersIn(text: string): string {
  if (text === 'alert') return text;
  const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => status);
  return statuses.length === 0 ? 'silence' : statuses.join(' ');
}

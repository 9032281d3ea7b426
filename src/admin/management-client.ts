/** Asks a running control plane through its management door: over the socket as its owner, or over mTLS as a person. */
import { Client } from 'undici';
import type { Answers, Requests } from './answer.ts';
import type { MethodName } from './methods.ts';

/** Longest wait for an answer, and for a connection, in ms. */
const answerMs = 10_000;
const connectMs = 3_000;
/** Longest answer, in bytes: the status of ten thousand proxies, and room. */
const answerBytesMax = 64 * 1_024 * 1_024;

export type Door =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tls';
      readonly address: string;
      readonly port: number;
      readonly certificateChainPem: string;
      readonly privateKeyPem: { reveal(): string };
      readonly rootPem: string;
      /** DNS name in the control plane's certificate. */
      readonly serverName: string;
    };

export type Asked<Name extends MethodName> =
  | { readonly kind: 'answered'; readonly value: Answers[Name] }
  /** It answered, and not with what was asked for. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly advice: string }
  | { readonly kind: 'unreachable'; readonly why: string };

/** Never throws. @param signal ends the wait for an answer, which is then told as unreachable. */
export async function ask<Name extends MethodName>(
  door: Door,
  method: Name,
  request: Requests[Name],
  signal?: AbortSignal,
): Promise<Asked<Name>> {
  const client = clientOf(door);
  try {
    const { statusCode, body } = await client.request({
      method: 'POST',
      path: `/v1/${method}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      ...(signal === undefined ? {} : { signal }),
    });
    const value = await body.json();
    if (statusCode === 200) return { kind: 'answered', value: value as Answers[Name] };
    const { message, advice } = value as { readonly message: string; readonly advice: string };
    return { kind: 'refused', status: statusCode, message, advice };
  } catch (error) {
    return { kind: 'unreachable', why: whyOf(error) };
  } finally {
    await client.destroy();
  }
}

function clientOf(door: Door): Client {
  const bounds = { headersTimeout: answerMs, bodyTimeout: answerMs, maxResponseSize: answerBytesMax };
  if (door.kind === 'socket') {
    return new Client('http://coffre', { ...bounds, connect: { socketPath: door.path, timeout: connectMs } });
  }
  const { address, port, certificateChainPem, privateKeyPem, rootPem, serverName } = door;
  return new Client(`https://${address.includes(':') ? `[${address}]` : address}:${port}`, {
    ...bounds,
    allowH2: false,
    connect: {
      cert: certificateChainPem,
      key: privateKeyPem.reveal(),
      ca: rootPem,
      servername: serverName,
      minVersion: 'TLSv1.3',
      timeout: connectMs,
    },
  });
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.message} (${error.code})` : error.message;
}

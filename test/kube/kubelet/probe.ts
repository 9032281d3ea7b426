/** A kubelet's question to a container, put from the node's address: yes or no, and why not. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Container } from './container.ts';
import type { ContainerSpec, Handler } from './pod-spec.ts';

export type ProbeAnswer = { readonly kind: 'yes' } | { readonly kind: 'no'; readonly why: string };

export interface Asked {
  readonly podIp: string;
  readonly spec: ContainerSpec;
  readonly container: Container;
}

const yes: ProbeAnswer = { kind: 'yes' };

/** Never rejects: who does not answer has said no. */
export async function ask(handler: Handler, asked: Asked, timeoutMs: number): Promise<ProbeAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return (await put(handler, asked, signal, timeoutMs)) ?? yes;
  } catch (error) {
    return { kind: 'no', why: String(error) };
  }
}

async function put(
  { httpGet, tcpSocket, grpc, exec, sleep: pause }: Handler,
  { podIp, spec, container }: Asked,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<ProbeAnswer | undefined> {
  if (httpGet !== undefined) return askHttp(httpGet, podIp, spec, signal);
  if (tcpSocket !== undefined) {
    const socket = connect({ host: podIp, port: portOf(tcpSocket.port, spec) });
    await once(socket, 'connect', { signal }).finally(() => socket.destroy());
  } else if (grpc !== undefined) return askGrpc(`http://${podIp}:${grpc.port}`, grpc.service ?? '', signal);
  else if (exec !== undefined) {
    const { code, stderr } = await container.exec(exec.command, timeoutMs);
    if (code !== 0) return { kind: 'no', why: `code ${code}: ${stderr}` };
  } else if (pause !== undefined) await sleep(pause.seconds * 1_000);
  return undefined;
}

/** A kubelet believes any certificate, and takes a redirection as a yes. */
async function askHttp(
  { path = '/', port, scheme = 'HTTP', host, httpHeaders = [] }: NonNullable<Handler['httpGet']>,
  podIp: string,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<ProbeAnswer | undefined> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false }, pipelining: 0 });
  try {
    const url = `${scheme.toLowerCase()}://${host ?? podIp}:${portOf(port, spec)}${path}`;
    const headers = {
      'user-agent': 'kube-probe/1.36',
      ...Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value])),
    };
    const { statusCode, body } = await request(url, { dispatcher, headers, signal });
    const text = await body.text();
    return statusCode >= 200 && statusCode < 400 ? undefined : { kind: 'no', why: `${statusCode}: ${text}` };
  } finally {
    await dispatcher.destroy();
  }
}

/** `SERVING` as grpc.health.v1 writes it: field 1 is 1. */
const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

async function askGrpc(url: string, service: string, signal: AbortSignal): Promise<ProbeAnswer | undefined> {
  const session = connectHttp2(url);
  session.on('error', () => undefined);
  try {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': '/grpc.health.v1.Health/Check' },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
    const name = Buffer.from(service);
    const message = Buffer.concat([Buffer.from(name.length === 0 ? [] : [10, name.length]), name]);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end', { signal });
    return Buffer.concat(chunks).equals(serving) ? undefined : { kind: 'no', why: 'not serving' };
  } finally {
    session.destroy();
  }
}

function portOf(port: number | string, { ports = [] }: ContainerSpec): number {
  if (typeof port === 'number') return port;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  if (named === undefined) throw new Error(`no port is called \`${port}\``);
  return named;
}

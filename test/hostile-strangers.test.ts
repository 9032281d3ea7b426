/**
 * What strangers may do to the ports of a control plane: nothing that ends it, that fills it, or that signs anything.
 * A real process, and clients that say what no client says.
 */
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { managementSocket } from '../src/admin/door-names.ts';
import { ask } from '../src/admin/management-client.ts';
import { type Serving, startServing } from './fixtures/serving-control-plane.ts';

/** Most that the process may grow by meanwhile, in MiB: its heap breathes by some tens. */
const growthMiBMax = 128;
const mebibyte = 1_024 * 1_024;
const ads = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const accessLog = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

async function rssMiB({ pid }: Serving): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

async function stillServes(serving: Serving): Promise<void> {
  expect(serving.isAlive()).toBe(true);
  const answer = await ask({ kind: 'socket', path: join(serving.state, managementSocket) }, 'status', {});
  expect(answer).toMatchObject({ kind: 'answered', value: { ready: true } });
}

function portOf(address: string): number {
  return Number(address.split(':')[1]);
}

/** TLS as anybody has it: no certificate, no token. */
function stranger(address: string): ClientHttp2Session {
  const session = connect(`https://${address}`, { rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  return session;
}

/** @returns the status of gRPC, or how the call ended without one. */
async function call(session: ClientHttp2Session, path: string, frame: Buffer, more: Record<string, string> = {}) {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...more };
  const stream = session.request(headers, { endStream: false });
  const told = new Promise<string>((tell) => {
    stream.on('response', ({ 'grpc-status': status }) => status !== undefined && tell(String(status)));
    stream.on('trailers', ({ 'grpc-status': status }) => tell(String(status)));
    stream.on('error', ({ message }) => tell(message));
    stream.on('close', () => tell(`closed with ${stream.rstCode}`));
  });
  stream.resume();
  stream.end(frame);
  return told;
}

function framed(message: Buffer, isCompressed = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test('SEC-40 random bytes and giant messages before any proof of who it is: each port lives, and hardly grows', async () => {
  const serving = await startServing();
  const before = await rssMiB(serving);
  const shots = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 65_536, size: 'max' }), 60);
  for (const address of [serving.xds, serving.evidence, serving.admin]) {
    await Promise.all(
      shots.map(async (bytes) => {
        const socket = connectTcp(portOf(address), '127.0.0.1');
        socket.on('error', () => undefined);
        socket.resume();
        socket.end(bytes);
        await once(socket, 'close');
      }),
    );
  }
  const giant = framed(Buffer.alloc(16 * mebibyte, 'x'));
  for (const [address, path] of [
    [serving.xds, ads],
    [serving.evidence, accessLog],
  ] as const) {
    for (let round = 0; round < 4; round += 1) expect(await call(stranger(address), path, giant)).not.toBe('0');
  }
  expect((await rssMiB(serving)) - before).toBeLessThan(growthMiBMax);
  await stillServes(serving);
});

test('SEC-53 a message that unpacks to a gigabyte is not unpacked', async () => {
  const serving = await startServing();
  const before = await rssMiB(serving);
  const bomb = framed(gzipSync(Buffer.alloc(1_024 * mebibyte)), true);
  for (const [address, path] of [
    [serving.xds, ads],
    [serving.evidence, accessLog],
  ] as const) {
    expect(await call(stranger(address), path, bomb, { 'grpc-encoding': 'gzip' })).not.toBe('0');
  }
  expect((await rssMiB(serving)) - before).toBeLessThan(growthMiBMax);
  await stillServes(serving);
});

test('SEC-36 nobody is asked to sign anything: there is no such method, and no key comes from outside', async () => {
  const serving = await startServing();
  const leaves = async () => (await readdir(serving.state, { recursive: true })).sort();
  const before = await leaves();
  const unimplemented = '12';
  for (const [address, answer] of [
    [serving.xds, unimplemented],
    [serving.evidence, expect.stringContaining('certificate required')],
  ] as const) {
    for (const path of [
      '/istio.v1.auth.IstioCertificateService/CreateCertificate',
      '/spire.api.server.svid.v1.SVID/MintX509SVID',
      '/coffre.identity.v1.Identity/Sign',
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    ]) {
      expect(await call(stranger(address), path, framed(Buffer.alloc(mebibyte))), path).toEqual(answer);
    }
  }
  expect(await leaves()).toEqual(before);
  await stillServes(serving);
});

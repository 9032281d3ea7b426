/** Through a real gRPC server and client, with mutual TLS on a Unix socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, type ClientReadableStream, Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Authorization, CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import {
  Health,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '#gen/grpc/health/v1/health_pb.js';
import { type AuthzService, createAuthzService } from '../../src/authz/authz-service.io.ts';
import type { Asker } from '../../src/authz/judge.ts';
import { defaultCheckLimits, healthWatchersMax } from '../../src/authz/limits.ts';
import { systemClock } from '../../src/authz/system-clock.io.ts';
import { createGrpcClient, type GrpcClient } from '../../src/grpc/grpc-client.ts';
import { createLeanServer, type LeanServer } from '../../src/grpc/lean-server.ts';
import { methodDefinition } from '../../src/grpc/method-definition.ts';
import { checkRequestInit } from './support/check-request.ts';
import { createTestAuthority } from './support/pki.ts';
import { RecordingObserver } from './support/recording-observer.ts';

const serverName = 'authz.mesh.example';
const deadlineMs = 10_000;
const sidecar = 'spiffe://mesh.example/ns/shop/sa/items';

let folder: string;
let service: AuthzService;
let server: LeanServer;
let client: GrpcClient;
let watcher: Client;
let observer: RecordingObserver;
let askers: Asker[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coffre-authz-'));
  const address = `unix:${join(folder, 'authz.sock')}`;
  const authority = await createTestAuthority();
  const ofServer = await authority.issue({ type: 'dns', value: serverName });
  const ofClient = await authority.issue({ type: 'url', value: sidecar });
  askers = [];
  observer = new RecordingObserver();
  server = createLeanServer({
    address,
    tls: {
      certificateChainPem: ofServer.certificatePem,
      privateKeyPem: { reveal: () => ofServer.keyPem },
      clientCaPem: authority.caPem,
    },
    requireClientCertificate: true,
  });
  service = createAuthzService({
    judge: {
      judge(_request, asker) {
        askers.push(asker);
        return { kind: 'allow', rule: 'all', revision: 'r1' };
      },
    },
    observer,
    limits: defaultCheckLimits,
    clock: systemClock,
  });
  service.addTo(server);
  expect((await server.bind()).kind).toBe('bound');
  client = createGrpcClient({
    address,
    serverName,
    serverCaPem: authority.caPem,
    certificate: { certificateChainPem: ofClient.certificatePem, privateKeyPem: { reveal: () => ofClient.keyPem } },
  });
  const pem = [authority.caPem, ofClient.keyPem, ofClient.certificatePem].map((text) => Buffer.from(text));
  watcher = new Client(address, ChannelCredentials.createSsl(pem[0], pem[1], pem[2]), {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
  });
});

afterEach(async () => {
  client.close();
  watcher.close();
  await server.close(100);
  await rm(folder, { recursive: true });
});

test('no check is answered before the judge is ready, and each one is while draining', async () => {
  await expect(check()).rejects.toMatchObject({ code: status.UNAVAILABLE, details: 'no policy yet' });
  service.setPhase('ready');
  await expect(check()).resolves.toMatchObject({ status: { code: 0 }, dynamicMetadata: { verdict: 'allow' } });
  service.setPhase('draining');
  await expect(check()).resolves.toMatchObject({ status: { code: 0 } });
});

test('each answer says that the next check belongs elsewhere while draining, and only then', async () => {
  const toldElsewhere = async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const { path, requestSerialize, responseDeserialize } = methodDefinition(Authorization.method.check, {});
    const request = create(CheckRequestSchema, checkRequestInit({}));
    watcher
      .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, () => undefined)
      .once('metadata', (metadata: Metadata) => resolve(metadata.get('x-envoy-immediate-health-check-fail')[0]));
    return promise;
  };
  service.setPhase('ready');
  expect(await toldElsewhere()).toBeUndefined();
  service.setPhase('draining');
  expect(await toldElsewhere()).toBe('true');
});

test('the judge is told the SPIFFE ID of the certificate that asks, with each check of the connection', async () => {
  service.setPhase('ready');
  await check();
  await check();
  expect(askers.map(({ spiffeUris }) => spiffeUris)).toEqual([[sidecar], [sidecar]]);
});

test('the span of the proxy is recorded with the decision, where it is one', async () => {
  service.setPhase('ready');
  const span = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  for (const said of [span, `${span}"}`, undefined]) {
    const metadata = new Metadata();
    if (said !== undefined) metadata.set('traceparent', said);
    await check(metadata);
  }
  expect(observer.records.map(({ traceparent }) => traceparent)).toEqual([span, undefined, undefined]);
});

test('health is serving only while the judge is ready and stays', async () => {
  for (const name of ['', 'envoy.service.auth.v3.Authorization']) {
    service.setPhase('starting');
    expect(await healthOf(name)).toBe(Serving.NOT_SERVING);
    service.setPhase('ready');
    expect(await healthOf(name)).toBe(Serving.SERVING);
    service.setPhase('draining');
    expect(await healthOf(name)).toBe(Serving.NOT_SERVING);
  }
});

test('the health of a service that is not here is not found', async () => {
  await expect(healthOf('shop.Cart')).rejects.toMatchObject({ code: status.NOT_FOUND });
});

test('a watcher hears the status at once, and then each change', async () => {
  const heard = watch('')[Symbol.asyncIterator]();
  const next = async () => (await heard.next()).value?.status;
  expect(await next()).toBe(Serving.NOT_SERVING);
  service.setPhase('ready');
  expect(await next()).toBe(Serving.SERVING);
  service.setPhase('ready');
  service.setPhase('draining');
  expect(await next()).toBe(Serving.NOT_SERVING);
});

test('a watcher of a service that is not here hears so', async () => {
  const first = await watch('shop.Cart')[Symbol.asyncIterator]().next();
  expect(first.value?.status).toBe(Serving.SERVICE_UNKNOWN);
});

test('watchers beyond the bound are refused until one leaves', async () => {
  const watchers = Array.from({ length: healthWatchersMax }, () => watch(''));
  await Promise.all(watchers.map(firstOf));
  const refused = await firstOf(watch('')).catch((error: { code: number }) => error.code);
  expect(refused).toBe(status.RESOURCE_EXHAUSTED);

  watchers[0]?.cancel();
  await expect.poll(() => firstOf(watch('')).catch(() => 'refused')).toMatchObject({ status: Serving.NOT_SERVING });
});

function check(metadata = new Metadata()) {
  const request = create(CheckRequestSchema, checkRequestInit({}));
  return client.unary(Authorization.method.check, request, { metadata, deadlineMs });
}

async function healthOf(name: string): Promise<Serving> {
  const request = create(HealthCheckRequestSchema, { service: name });
  return (await client.unary(Health.method.check, request, { deadlineMs })).status;
}

function watch(name: string): ClientReadableStream<HealthCheckResponse> {
  const { path, requestSerialize, responseDeserialize } = methodDefinition(Health.method.watch, {});
  const request = create(HealthCheckRequestSchema, { service: name });
  const stream = watcher.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  stream.on('error', () => {}); // the end of the test cancels it
  return stream as ClientReadableStream<HealthCheckResponse>;
}

function firstOf(stream: ClientReadableStream<HealthCheckResponse>): Promise<HealthCheckResponse> {
  return new Promise((resolve, reject) => {
    stream.once('data', resolve);
    stream.once('error', reject);
  });
}

/** A whole worker in this process: a real ADS stream, a real certificate, real checks; the clock is the test's. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { Authorization, CheckRequestSchema, type CheckResponse } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '#gen/grpc/health/v1/health_pb.js';
import { systemClock } from '../../src/authz/system-clock.io.ts';
import { createGrpcClient } from '../../src/grpc/grpc-client.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { checkContext, programTypeUrl } from '../../src/policy/program.ts';
import { AuthzWorker, keptWaitMs } from '../../src/verdict/authz-worker.io.ts';
import { secretTypeUrl } from '../../src/verdict/knowledge.ts';
import { KnowledgeKeeper } from '../../src/verdict/knowledge-keeper.io.ts';
import { programAgeMaxMs } from '../../src/verdict/program-book.ts';
import { initialVersions } from '../../src/xds/delta-holdings.ts';
import { checkRequestInit } from '../authz/support/check-request.ts';
import { RecordingObserver } from '../authz/support/recording-observer.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { cart, clientLeaf, serverLeaf, serverName, testAuthority } from '../grpc/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { FakeAds, type FakeStream } from '../xds/fake-ads.ts';
import { TestClock } from '../xds/test-clock.ts';
import { identityResource, programResources, unreadableProgram } from './programs-of.ts';

const minuteMs = 60_000;
const deadlineMs = 10_000;
const workload = 'shop/cart-1';

let authority: Authority;
beforeAll(async () => {
  authority = await testAuthority();
});

/** One workload, whose sidecar is the client that the test authority has a leaf for. */
function mesh(defaultAccess = 'sameTenant'): Snapshot {
  return meshFrom(
    documents(
      'apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: { trustDomain: mesh.example }',
      tenant('shop', `environment: prod, defaultAccess: ${defaultAccess}`),
      pod('shop', 'cart', '10.1.0.1'),
      service('shop', 'cart', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
    ),
  );
}

class Bench {
  readonly clock: TestClock;
  readonly ads: FakeAds;
  readonly observer = new RecordingObserver();
  /** What the worker reported, in words. */
  readonly said: string[] = [];
  /** Issuers whose keys were to be had ahead, each time they were named. */
  readonly kept: (readonly string[])[] = [];
  readonly #worker: AuthzWorker;
  readonly #keeper: KnowledgeKeeper;
  readonly #listen: string;

  private constructor(folder: string, clock: TestClock, ads: FakeAds, keeper: KnowledgeKeeper) {
    this.clock = clock;
    this.ads = ads;
    this.#keeper = keeper;
    this.#listen = `unix:${join(folder, 'authz.sock')}`;
    const timers = { nowMs: () => clock.nowMs(), setTimer: (ms: number, then: () => void) => clock.setTimer(ms, then) };
    this.#worker = new AuthzWorker({
      tokens: { verify: () => ({ kind: 'invalid', why: 'nobody vouches for it' }) },
      keys: { keep: (providers) => this.kept.push(providers.map(({ issuer }) => issuer)), stop: () => undefined },
      listen: this.#listen,
      clientCaPem: authority.rootPem,
      keeper,
      observer: this.observer,
      clock: { ...systemClock, ...timers },
      ads: {
        node: { id: 'coffre-system/authz', cluster: 'coffre-system' },
        random: () => 0,
        connect: async () => ({ client: ads.client(), metadata: new Map() }),
      },
      report: {
        serving: () => this.said.push('serving'),
        xds: ({ kind }) => this.said.push(kind),
        memoryRefused: () => this.said.push('memory refused'),
        failed: (what) => this.said.push(`could not ${what}`),
      },
    });
  }

  /** @param folder of a worker that was here before. */
  static async start(folder?: string, clock = new TestClock()): Promise<Bench> {
    const own = folder ?? (await temporaryFolder());
    const keeper = await KnowledgeKeeper.open(join(own, 'state'), systemPorts.entropy, (cause) =>
      expect.fail(`${cause}`),
    );
    const bench = new Bench(own, clock, await FakeAds.start(authority), keeper);
    onTestFinished(() => bench.stop());
    await bench.#worker.start();
    return bench;
  }

  /** Until the clock has moved on by `ms`. */
  drain(ms: number): Promise<void> {
    return this.#worker.drain(ms);
  }

  /** From now on nothing comes to the disk. @returns ends that. */
  hang(): () => void {
    const keeper = this.#keeper;
    const settled = keeper.settled.bind(keeper);
    const disk = Promise.withResolvers<void>();
    keeper.settled = () => disk.promise;
    return () => {
      keeper.settled = settled;
      disk.resolve();
    };
  }

  stop(): Promise<void> {
    return this.#worker.stop(0);
  }

  /** Resolves when it was reported for the `count`th time. */
  async hears(what: string, count = 1): Promise<void> {
    while (this.said.filter((each) => each === what).length < count) await setImmediate();
  }

  #client() {
    return createGrpcClient({
      address: this.#listen,
      serverName,
      serverCaPem: authority.rootPem,
      certificate: clientLeaf(authority),
    });
  }

  /** What a health check is answered. */
  async health(): Promise<Serving> {
    const client = this.#client();
    try {
      return (await client.unary(Health.method.check, create(HealthCheckRequestSchema), { deadlineMs })).status;
    } finally {
      client.close();
    }
  }

  /** The verdict that Envoy would get: OK, 403 or 503. */
  async verdict(principal = cart): Promise<'allow' | 'deny' | 'unavailable'> {
    const client = this.#client();
    const request = create(CheckRequestSchema, checkRequestInit({ principal, extensions }));
    try {
      const answer: CheckResponse = await client.unary(Authorization.method.check, request, { deadlineMs });
      return answer.status?.code === 0 ? 'allow' : 'deny';
    } catch (error) {
      expect(error).toMatchObject({ code: status.UNAVAILABLE });
      return 'unavailable';
    } finally {
      client.close();
    }
  }
}

const extensions = { [checkContext.workload]: workload, [checkContext.port]: '8080' };

/** Both requests of a new stream; the programs' is returned. */
async function begun(stream: FakeStream) {
  expect(await stream.next()).toMatchObject({ typeUrl: secretTypeUrl, initialResourceVersions: {} });
  return stream.next();
}

async function sayIdentity(stream: FakeStream): Promise<void> {
  const { certificateChainPem, privateKeyPem } = serverLeaf(authority);
  const resources = [identityResource(certificateChainPem, privateKeyPem.reveal())];
  stream.say({ typeUrl: secretTypeUrl, nonce: 'i', systemVersionInfo: 'r', resources });
  expect(await stream.next()).toMatchObject({ typeUrl: secretTypeUrl, responseNonce: 'i' });
}

async function sayPrograms(stream: FakeStream, revision: string, snapshot = mesh()) {
  const resources = [...programResources(snapshot, revision)];
  stream.say({ typeUrl: programTypeUrl, nonce: revision, systemVersionInfo: revision, resources });
  return stream.next();
}

/** A worker that serves by revision r1. */
async function serving(): Promise<{ bench: Bench; folder: string; stream: FakeStream }> {
  const folder = await temporaryFolder();
  const bench = await Bench.start(folder);
  const stream = await bench.ads.stream();
  await begun(stream);
  await sayIdentity(stream);
  await sayPrograms(stream, 'r1');
  await bench.hears('serving');
  return { bench, folder, stream };
}

test('a worker serves once it has a certificate and a policy, and not before', async () => {
  const bench = await Bench.start();
  const stream = await bench.ads.stream();
  await begun(stream);
  await sayIdentity(stream);
  expect(await bench.verdict()).toBe('unavailable');
  await sayPrograms(stream, 'r1');
  await bench.hears('serving');
  expect(await bench.verdict()).toBe('allow');
  expect(bench.observer.records).toMatchObject([{ verdict: 'allow', revision: 'r1' }]);
});

test('its health is what its verdicts are: not serving as soon as what it knows is too old, and again with news', async () => {
  const { bench, stream } = await serving();
  expect(await bench.health()).toBe(Serving.SERVING);
  stream.end();
  await bench.hears('ended');
  bench.clock.advance(programAgeMaxMs);
  expect({ health: await bench.health(), verdict: await bench.verdict() }).toEqual({
    health: Serving.SERVING,
    verdict: 'allow',
  });
  bench.clock.advance(1);
  expect({ health: await bench.health(), verdict: await bench.verdict() }).toEqual({
    health: Serving.NOT_SERVING,
    verdict: 'unavailable',
  });
  const next = await bench.ads.stream();
  await begun(next);
  await sayIdentity(next);
  await sayPrograms(next, 'r2');
  expect(await bench.health()).toBe(Serving.SERVING);
});

test('the next check after a revision is judged by it, and a revision that cannot be read changes nothing', async () => {
  const { bench, stream } = await serving();
  await sayPrograms(stream, 'r2', mesh('none'));
  expect(await bench.verdict()).toBe('deny');

  const resources = [unreadableProgram(workload)];
  stream.say({ typeUrl: programTypeUrl, nonce: 'r3', systemVersionInfo: 'r3', resources });
  expect((await stream.next()).errorDetail?.message).toContain(workload);
  expect(await bench.verdict()).toBe('deny');
  expect(bench.observer.records.at(-1)).toMatchObject({ revision: 'r2' });
});

test('with the control plane gone it judges to the end of what it may believe, and no longer', async () => {
  const { bench, stream } = await serving();
  bench.clock.advance(10 * minuteMs);
  stream.end();
  await bench.hears('ended');
  bench.clock.advance(programAgeMaxMs);
  expect(await bench.verdict()).toBe('allow');
  bench.clock.advance(1);
  expect(await bench.verdict()).toBe('unavailable');
});

test('a silent control plane vouches for what it said, unless that was refused', async () => {
  const { bench, stream } = await serving();
  bench.clock.advance(2 * programAgeMaxMs);
  expect(await bench.verdict()).toBe('allow');

  const resources = [unreadableProgram(workload)];
  stream.say({ typeUrl: programTypeUrl, nonce: 'r2', systemVersionInfo: 'r2', resources });
  expect((await stream.next()).errorDetail?.code).toBe(3);
  bench.clock.advance(programAgeMaxMs + minuteMs);
  expect(await bench.verdict()).toBe('unavailable');
  await sayPrograms(stream, 'r3');
  expect(await bench.verdict()).toBe('allow');
});

test('a new worker judges by what the last one wrote down, before it reaches anybody', async () => {
  const { bench, folder } = await serving();
  await bench.stop();
  const next = await Bench.start(folder, bench.clock);
  await next.hears('serving');
  expect(await next.verdict()).toBe('allow');
  expect(next.observer.records).toMatchObject([{ revision: 'r1' }]);
  expect((await begun(await next.ads.stream())).initialResourceVersions).toEqual({ [workload]: 'r1' });
});

test('a worker that is killed right after it has acknowledged policies judges by them when it is back', async () => {
  const { bench, folder, stream } = await serving();
  await sayPrograms(stream, 'r2', mesh('none'));
  const recalled = await KnowledgeKeeper.open(join(folder, 'state'), systemPorts.entropy, () => undefined);
  const remembered = await recalled.recall();
  if (remembered.kind !== 'knowledge') expect.fail(remembered.kind);
  expect(Object.values(initialVersions(remembered.knowledge.programs))).toEqual(['r2']);
  expect(await bench.verdict()).toBe('deny');
});

test('a disk that hangs keeps no policy from a worker, and no acknowledgement for long', async () => {
  const { bench, stream } = await serving();
  const goOn = bench.hang();
  const resources = [...programResources(mesh('none'), 'r2')];
  stream.say({ typeUrl: programTypeUrl, nonce: 'r2', systemVersionInfo: 'r2', resources });
  await bench.hears('taken', 3);
  expect(await bench.verdict()).toBe('deny');
  bench.clock.advance(keptWaitMs);
  expect(await stream.next()).toMatchObject({ typeUrl: programTypeUrl, responseNonce: 'r2' });
  goOn();
});

test('a stream on which nothing is new is a word of the control plane too', async () => {
  const { bench, folder } = await serving();
  await bench.stop();
  bench.clock.advance(programAgeMaxMs - minuteMs);
  const next = await Bench.start(folder, bench.clock);
  const stream = await next.ads.stream();
  await begun(stream);
  await sayIdentity(stream);
  next.clock.advance(programAgeMaxMs);
  expect(await next.verdict()).toBe('allow');
});

test('what is too old to be believed is asked for whole', async () => {
  const { bench, folder } = await serving();
  await bench.stop();
  bench.clock.advance(programAgeMaxMs + 1);
  const next = await Bench.start(folder, bench.clock);
  const stream = await next.ads.stream();
  expect((await begun(stream)).initialResourceVersions).toEqual({});
  await sayIdentity(stream);
  expect(await next.verdict()).toBe('unavailable');
  await sayPrograms(stream, 'r1');
  expect(await next.verdict()).toBe('allow');
});

test('with the control plane gone a grant and rules end at their moment, in a worker that is restarted after it as well', async () => {
  const { bench, folder, stream } = await serving();
  const buyer = 'spiffe://mesh.example/ns/billing/sa/buyer';
  const endMs = Math.ceil(bench.clock.nowMs() / 1_000) * 1_000 + 90_000;
  const end = new Date(endMs).toISOString();
  const ending = meshFrom(
    documents(
      'apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: { trustDomain: mesh.example }',
      tenant('shop'),
      tenant('billing'),
      pod('shop', 'cart', '10.1.0.1'),
      service('shop', 'cart', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
      `apiVersion: coffre.dev/v1alpha1\nkind: Grant\nmetadata: { name: buys, namespace: shop }\nspec: { from: { tenant: billing }, to: { service: cart }, reason: buys, notAfter: "${end}" }`,
      `apiVersion: coffre.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: late, namespace: shop }\nspec: { allow: [{ from: { serviceAccounts: [cart] }, notAfter: "${end}" }] }`,
    ),
  );
  await sayPrograms(stream, 'r2', ending);
  stream.end();
  await bench.hears('ended');
  bench.clock.advance(endMs - 1 - bench.clock.nowMs());
  expect([await bench.verdict(), await bench.verdict(buyer)]).toEqual(['allow', 'allow']);
  bench.clock.advance(1);
  expect([await bench.verdict(), await bench.verdict(buyer)]).toEqual(['deny', 'deny']);
  await bench.stop();
  const next = await Bench.start(folder, bench.clock);
  await next.hears('serving');
  expect([await next.verdict(), await next.verdict(buyer)]).toEqual(['deny', 'deny']);
});

test('the keys of all providers are asked for with the policies that believe them, at a restart as well', async () => {
  const { bench, folder, stream } = await serving();
  const provider = (name: string) =>
    `{ name: ${name}, preset: oidc, issuer: "https://${name}.example", audiences: [carts] }`;
  const believing = meshFrom(
    documents(
      'apiVersion: coffre.dev/v1alpha1\nkind: Mesh\nmetadata: { name: default }\nspec: { trustDomain: mesh.example }',
      tenant('shop', `environment: prod, identityProviders: [${provider('staff')}, ${provider('guests')}]`),
      'apiVersion: coffre.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: people, namespace: shop }\nspec: { allow: [{ token: { groups: [clerks] } }] }',
      pod('shop', 'cart', '10.1.0.1'),
      service('shop', 'cart', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
    ),
  );
  await sayPrograms(stream, 'r2', believing);
  bench.clock.advance(2 * minuteMs);
  const both = ['https://staff.example', 'https://guests.example'];
  expect(bench.kept).toEqual([[], both]);
  await sayPrograms(stream, 'r3');
  expect(bench.kept).toEqual([[], both, []]);
  await sayPrograms(stream, 'r4', believing);
  await bench.stop();
  expect((await Bench.start(folder, bench.clock)).kept).toEqual([both]);
});

test('a worker that leaves is not serving at once, and judges by the newest policies until its time is over', async () => {
  const { bench, stream } = await serving();
  const drained = bench.drain(minuteMs);
  expect({ health: await bench.health(), verdict: await bench.verdict() }).toEqual({
    health: Serving.NOT_SERVING,
    verdict: 'allow',
  });
  await sayPrograms(stream, 'r2', mesh('none'));
  expect({ health: await bench.health(), verdict: await bench.verdict() }).toEqual({
    health: Serving.NOT_SERVING,
    verdict: 'deny',
  });
  bench.clock.advance(minuteMs);
  await drained;
});

test('a worker that never served leaves at once', async () => {
  const bench = await Bench.start();
  await bench.drain(minuteMs);
});

test('an address that is taken is tried again until it is free', async () => {
  const folder = await temporaryFolder();
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(join(folder, 'authz.sock'), resolve));
  const bench = await Bench.start(folder);
  const stream = await bench.ads.stream();
  await begun(stream);
  await sayIdentity(stream);
  await sayPrograms(stream, 'r1');
  await bench.hears('could not listen');
  await new Promise((resolve) => squatter.close(resolve));
  while (bench.clock.armed < 3) await setImmediate();
  bench.clock.advance(1_000);
  await bench.hears('serving');
  expect(await bench.verdict()).toBe('allow');
});

/**
 * The inspection door of a real sidecar: what the control plane sees through it, and what everybody else does not.
 *
 *   CLI ──socket──▶ management door ──mTLS──▶ 15004 of the pod ──▶ Envoy's admin interface
 *
 * The server that the sidecar obeys is the test's own, so it can lie: what is told and what is held then differ.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { managementSocket } from '../../src/admin/door-names.ts';
import { createManagementDoor, type ManagementDoor } from '../../src/admin/management-door.ts';
import { runProgram } from '../../src/cli/program.ts';
import { configure } from '../../src/controller/configure.ts';
import type { Authority } from '../../src/identity/authority.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { ProxyDoor } from '../../src/inspect/proxy-door.io.ts';
import { ProxyEyes } from '../../src/inspect/proxy-eyes.io.ts';
import { inspectionPort } from '../../src/model/ports.ts';
import { controlPlaneSpiffeId } from '../../src/model/system-namespace.ts';
import { contentVersion, type Resource, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { platform } from '../fixtures/configured.ts';
import { meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { forge, stolenIssuer } from '../identity/forge.ts';
import type { Credentials } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';

const key = 'atelier/db-1';
const mesh = meshFrom(twoTenants);
const workload = mesh.workloads.get(key);
if (workload === undefined) throw new Error(`there is no \`${key}\` in this mesh`);
const { tenant, spiffeId } = workload;

/** Silence after which no answer is expected any more, in ms. */
const silenceMs = 1_500;

inLab('the inspection door', () => {
  let folder: string;
  let authority: Authority;
  let sidecar: OneSidecar;
  let honest: ResourceSnapshot;
  let eyes: ProxyEyes;
  let door: ProxyDoor;
  let management: ManagementDoor;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inspection-'));
    authority = await openAuthority({ stateFolder: join(folder, 'ca'), trustDomain, ports: systemPorts });
    await authority.ensure({
      tenants: [...mesh.tenants.keys()],
      spiffeIds: [...new Set([...mesh.workloads.values()].map((each) => each.spiffeId))],
      leafLifetimeMs: 86_400_000,
    });
    honest = configuredBy(authority);
    sidecar = await OneSidecar.start();
    await sidecar.publish(honest);
    door = new ProxyDoor({
      credentials: () => authority.clientCredentials(),
      anchorsOf: (name) => authority.bundlePem(name),
      dial: (_address, port) => sidecar.dial(port),
    });
    eyes = new ProxyEyes(door, (name) => (name === key ? { address: 'in the lab', tenant, spiffeId } : undefined));
    management = createManagementDoor(
      {
        nowMs: Date.now,
        view: () => ({
          ...{ ready: true, snapshot: mesh, xds: '', certificateOf: () => undefined },
          clients: sidecar.status().map((client) => ({ ...client, key })),
        }),
        proxies: () => ({ eyes, sent: () => honest }),
        wholeSnapshot: () => mesh,
        rotations: () => undefined,
        confirmLoss: () => ({ kind: 'confirmed', objects: 0 }),
        drills: () => undefined,
        evidence: () => undefined,
        workloads: '',
      },
      () => undefined,
      () => undefined,
    );
    await management.listenOnSocket(join(folder, managementSocket));
  });
  afterAll(async () => {
    await management?.close();
    await door?.close();
    await sidecar?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Questions that came as far as the admin interface, by way of the door. */
  const reached = async () =>
    (await sidecar.envoy.stats('cluster.coffre-admin.upstream_rq_total')).values().next().value;

  /** @returns what came back: the status, or nothing at all. */
  const say = async (credentials: Credentials | undefined, bytes: string): Promise<string> => {
    const socket = await sidecar.dialTls(inspectionPort, credentials, { ALPNProtocols: ['http/1.1'] });
    return new Promise((resolve) => {
      let text = '';
      socket.on('secureConnect', () => socket.write(bytes, 'latin1'));
      socket.on('data', (part: Buffer) => {
        text += part.toString('latin1');
        socket.destroy();
      });
      socket.on('error', () => socket.destroy());
      socket.setTimeout(silenceMs, () => socket.destroy());
      socket.on('close', () => resolve(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? text));
    });
  };

  const coffre = async (...args: readonly string[]) => {
    let [out, err, code] = ['', '', 0];
    await runProgram(['proxy', ...args, '--state', folder], {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      setExitCode: (exit) => {
        code = exit;
      },
      nowMs: Date.now,
      signal: new AbortController().signal,
    });
    return { out, err, code };
  };

  test('the control plane gets its four answers, and no private key is in them', async () => {
    for (const path of ['/config_dump?include_eds', '/runtime', '/stats?filter=^cluster', '/clusters'] as const) {
      expect({ path, kind: (await eyes.read(key, path)).kind }).toEqual({ path, kind: 'read' });
    }
    const dump = await eyes.read(key, '/config_dump?include_eds');
    const text = dump.kind === 'read' ? dump.text : '';
    expect(text).toContain('BEGIN CERTIFICATE');
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('PRIVATE KEY');
    expect(await eyes.runtime(key)).toEqual(new Map());
  });

  test('nobody else passes the handshake, whatever the name and whoever signed it', async () => {
    const own = controlPlaneSpiffeId(trustDomain);
    const named = { alternativeNames: [{ type: 'url', value: own }] } as const;
    const forgedBy = async (record: string) =>
      forge(await stolenIssuer(join(folder, 'ca'), record, systemPorts), named, systemPorts);
    const strangers: readonly (readonly [string, Credentials | undefined])[] = [
      ['no certificate', undefined],
      ['another tenant', revealed(authority.leaf(spiffeId.replace('/atelier/sa/db', '/notaire/sa/api')))],
      ['another workload of the tenant', revealed(authority.leaf(spiffeId.replace('/sa/db', '/sa/web')))],
      ['the workload itself', revealed(authority.leaf(spiffeId))],
      ['the control plane’s name by the CA of the tenant', await forgedBy('tenants/atelier')],
      ['the control plane’s name by the CA of another tenant', await forgedBy('tenants/notaire')],
      ['the control plane’s name by the CA of its servers', await forgedBy('control-plane')],
      [
        'another name by the CA of the control plane',
        await forge(
          await stolenIssuer(join(folder, 'ca'), 'tenants/coffre-system', systemPorts),
          { alternativeNames: [{ type: 'url', value: `${own}-not` }] },
          systemPorts,
        ),
      ],
    ];
    const before = await reached();
    for (const [who, credentials] of strangers) {
      expect({ who, heard: await say(credentials, get('/runtime')) }).toEqual({ who, heard: '' });
    }
    expect(await reached()).toBe(before);
    // The control of this table.
    expect(await say(revealed(authority.clientCredentials()), get('/runtime'))).toBe('200');
  });

  const post = (path: string) => `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`;
  test.each([
    ['stopping it', post('/quitquitquit'), '403'],
    ['stopping it by GET', get('/quitquitquit'), '403'],
    ['changing its runtime', post('/runtime_modify?circuit_breakers.x=0'), '403'],
    ['draining it', post('/drain_listeners'), '403'],
    ['resetting its counters', post('/reset_counters'), '403'],
    ['its log level', post('/logging?level=trace'), '403'],
    ['a question by POST', post('/config_dump'), '403'],
    ['a question by HEAD', get('/stats').replace('GET', 'HEAD'), '403'],
    ['a method that an override names', get('/stats', 'x-http-method-override: POST'), '200'],
    ['its certificates', get('/certs'), '403'],
    ['the root', get('/'), '403'],
    ['more behind a question', get('/stats/prometheus'), '403'],
    ['a slash behind it', get('/config_dump/'), '403'],
    ['dots behind it', get('/config_dump/../quitquitquit'), '403'],
    ['escaped dots behind it', get('/config_dump/%2e%2e/quitquitquit'), '403'],
    ['an escaped slash', get('/config_dump/..%2fquitquitquit'), '400'],
    ['two slashes', get('//quitquitquit'), '403'],
    ['two slashes before a question: one spelling', get('//runtime'), '200'],
    ['a parameter', get('/config_dump;/../quitquitquit'), '403'],
    ['a fragment', get('/config_dump#/../../quitquitquit'), '400'],
    ['a question as a query of another', get('/quitquitquit?/config_dump'), '403'],
    ['a whole URL', get('http://x/quitquitquit'), '403'],
    ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n', '403'],
    ['another protocol', get('/stats', 'connection: upgrade\r\nupgrade: websocket'), '403'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
    ['a second request inside the first', `${post('/config_dump').trimEnd()}\r\n\r\n${post('/quitquitquit')}`, '403'],
  ])('what the control plane’s own certificate opens, and does not: %s', async (_what, bytes, status) => {
    const before = Number(await reached());
    expect(await say(revealed(authority.clientCredentials()), bytes)).toBe(status);
    expect(Number(await reached()) - before).toBe(status === '200' ? 1 : 0);
  });

  test('no query changes anything', async () => {
    const before = await eyes.stats(key, '^listener_manager.listener_added$');
    for (const query of ['reset_counters', 'quitquitquit', 'drain', 'circuit_breakers.x=0', 'usedonly&reset']) {
      for (const path of ['/runtime', '/stats', '/clusters', '/config_dump'] as const) {
        await eyes.read(key, `${path}?${query}`);
      }
    }
    expect(await eyes.stats(key, '^listener_manager.listener_added$')).toEqual(before);
    expect(await eyes.runtime(key)).toEqual(new Map());
    expect(await sidecar.envoy.ready()).toBe(true);
  });

  test('a sidecar that holds what it was sent has no difference, and says what it holds', async () => {
    expect(await coffre('diff', key)).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('holds what it was sent'),
    });
    const { code, out } = await coffre('config', key, '--type', 'ECDS');
    expect({ code, lines: out.split('\n').slice(1, 2) }).toEqual({
      code: 0,
      lines: [expect.stringMatching(/^ECDS +peers\/5432\/atelier +active$/)],
    });
    const whole = JSON.parse((await coffre('config', key, '-o', 'json')).out) as readonly { type: string }[];
    expect([...new Set(whole.map(({ type }) => type))]).toEqual(['CDS', 'ECDS', 'EDS', 'LDS', 'RDS', 'RTDS', 'SDS']);
    expect(await coffre('status', key)).toMatchObject({ code: 0, out: expect.stringMatching(/LDS +SYNCED +\d+ s/) });
  });

  test('what a lying server told it shows, thing by thing, and ends with 1', async () => {
    await sidecar.publish(lied(honest));
    const { code, out } = await coffre('diff', key, '-o', 'json');
    expect({ code, differences: JSON.parse(out).differences }).toEqual({
      code: 1,
      differences: [
        { kind: 'different', type: 'CDS', name: 'app/5432' },
        { kind: 'extra', type: 'CDS', name: 'backdoor' },
        { kind: 'different', type: 'RTDS', name: 'drill' },
      ],
    });
    expect(await eyes.runtime(key)).toEqual(new Map([['some.key', 7]]));
    await sidecar.publish(honest);
    expect((await coffre('diff', key)).code).toBe(0);
  });

  test('a refusal shows with Envoy’s reason', async () => {
    await expect(sidecar.publish(withBadListener(honest))).rejects.toThrow('was refused');
    const { code, out } = await coffre('status', key);
    expect(code).toBe(1);
    expect(out).toMatch(/LDS +NACKED +\d+ s/);
    expect(out).toContain(
      "refused LDS another: Error adding/updating listener(s) bad: error adding listener named 'bad'",
    );
    expect((await coffre('diff', key)).code).toBe(0);
    await sidecar.publish(honest);
    expect((await coffre('status', key)).code).toBe(0);
  });

  test('an answer of many megabytes comes whole', async () => {
    await sidecar.publish(withClusters(honest, 3_000));
    const dump = await eyes.read(key, '/config_dump?include_eds');
    expect(dump.kind === 'read' ? dump.text.length : dump).toBeGreaterThan(2_000_000);
    const clusters = [...((await eyes.config(key)) ?? []).keys()].filter((name) => String(name).includes('/many/'));
    expect(clusters).toHaveLength(3_000);
    await sidecar.publish(honest);
  });

  test('an application that takes the port gets it neither from a living sidecar nor, after it, an answer out', async () => {
    const listener = `require('net').createServer((s) => s.end('hi')).on('error', (e) => console.log(e.code)).listen(${inspectionPort}, '0.0.0.0', () => console.log('listening'))`;
    const listen = () =>
      sidecar.lab.spawn({
        in: 'aurore/probe',
        argv: [process.execPath, '-e', listener],
        confined: true,
        name: 'thief',
      });
    await (await listen()).waitForLine(/^EADDRINUSE$/, 10_000);
    await sidecar.envoy.process.kill('SIGKILL');
    await sidecar.envoy.process.exited;
    await (await listen()).waitForLine(/^listening$/, 10_000);
    await expect(sidecar.dial(inspectionPort)).rejects.toThrow('cannot be dialled');
  });
});

function get(path: string, more = 'x: y'): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n\r\n`;
}

function revealed(leaf: Leaf | undefined): Credentials {
  if (leaf === undefined) throw new Error('the CA has issued no such leaf');
  return { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}

function configuredBy(authority: Authority): ResourceSnapshot {
  const trust = {
    rootPem: authority.rootPem,
    bundlePem: (name: string) => authority.bundlePem(name),
    leaf: (id: string) => revealed(authority.leaf(id)),
    workerIdentity: () => revealed(authority.serverCredentials()),
  };
  const resources = configure(mesh, trust, { ...platform, bypass }, Date.now()).proxies.get(key);
  if (resources === undefined) throw new Error('the sidecar was not configured');
  return resources;
}

function resourceOf(typeUrl: string, name: string, any: Uint8Array): Resource {
  return { typeUrl, name, version: contentVersion(any), any };
}

function withResources(base: ResourceSnapshot, resources: readonly Resource[]): ResourceSnapshot {
  const types = new Map([...base.types].map(([typeUrl, listing]) => [typeUrl, new Map(listing)]));
  for (const resource of resources) types.get(resource.typeUrl)?.set(resource.name, resource);
  return { revision: 'another', types };
}

function clusterAs(base: ResourceSnapshot, name: string, timeoutS: bigint): Resource {
  const found = base.types.get(typeUrls.cluster)?.get('app/5432');
  const cluster = found && anyUnpack(fromBinary(AnySchema, found.any), ClusterSchema);
  if (cluster === undefined) throw new Error('there is no cluster of the application');
  cluster.name = name;
  if (cluster.loadAssignment !== undefined) cluster.loadAssignment.clusterName = name;
  cluster.connectTimeout = { $typeName: 'google.protobuf.Duration', seconds: timeoutS, nanos: 0 };
  return resourceOf(typeUrls.cluster, name, toBinary(AnySchema, anyPack(ClusterSchema, cluster)));
}

function lied(base: ResourceSnapshot): ResourceSnapshot {
  const runtime = create(RuntimeSchema, { name: 'drill', layer: { 'some.key': 7 } });
  return withResources(base, [
    clusterAs(base, 'app/5432', 9n),
    clusterAs(base, 'backdoor', 1n),
    resourceOf(typeUrls.runtime, 'drill', toBinary(AnySchema, anyPack(RuntimeSchema, runtime))),
  ]);
}

function withBadListener(base: ResourceSnapshot): ResourceSnapshot {
  const bad = toBinary(AnySchema, anyPack(ListenerSchema, create(ListenerSchema, { name: 'bad' })));
  return withResources(base, [resourceOf(typeUrls.listener, 'bad', bad)]);
}

function withClusters(base: ResourceSnapshot, count: number): ResourceSnapshot {
  return withResources(
    base,
    Array.from({ length: count }, (_, index) => clusterAs(base, `many/${index}`, 1n)),
  );
}

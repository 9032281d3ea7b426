/**
 * A real Prometheus and a real sidecar: the numbers of both are scraped through the management port, by mutual TLS, with
 * the configuration that we ship.
 *
 *   Prometheus ──mTLS, as scraper──▶ management port ──▶ /metrics
 *                                            └──mTLS──▶ inspection door of the sidecar ──▶ /stats
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { controlPlaneDnsName } from '../../src/admin/door-names.ts';
import { createManagementDoor, type ManagementDoor } from '../../src/admin/management-door.ts';
import { openPeopleAuthority, type PeopleAuthority } from '../../src/admin/people-authority.ts';
import { writePersonFolder } from '../../src/admin/person-folder.ts';
import { configure } from '../../src/controller/configure.ts';
import type { Authority } from '../../src/identity/authority.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { ProxyDoor } from '../../src/inspect/proxy-door.io.ts';
import { ProxyEyes } from '../../src/inspect/proxy-eyes.io.ts';
import { instruments } from '../../src/telemetry/instruments.ts';
import { metricsContentType, startTelemetry, type Telemetry } from '../../src/telemetry/start-telemetry.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { everyRecorder } from '../deploy/every-recorder.ts';
import { alertRules, dashboards, filledIn, metricsIn } from '../deploy/shipped.ts';
import { platform } from '../fixtures/configured.ts';
import { meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';
import { prometheusArgv, type Sample, samplesOf } from './prometheus.ts';

const run = promisify(execFile);
const key = 'notaire/api-1';
const mesh = meshFrom(twoTenants);
const workload = mesh.workloads.get(key);
if (workload === undefined) throw new Error(`there is no \`${key}\` in this mesh`);
const { tenant, spiffeId } = workload;
/** Between two looks at Prometheus, in ms, and how many there are before it is given up. */
const lookMs = 250;
const looksMax = 240;

inLab('a scraped mesh', () => {
  let folder: string;
  let authority: Authority;
  let people: PeopleAuthority;
  let sidecar: OneSidecar;
  let door: ProxyDoor;
  let management: ManagementDoor;
  let address: string;
  let telemetry: Telemetry;
  let stopReading: (() => void) | undefined;
  let prometheus: ChildProcess;
  let api: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'metrics-'));
    const stateFolder = join(folder, 'state');
    authority = await openAuthority({ stateFolder, trustDomain, ports: systemPorts });
    people = await openPeopleAuthority({ stateFolder });
    await authority.ensure({
      tenants: [...mesh.tenants.keys()],
      spiffeIds: [...new Set([...mesh.workloads.values()].map((each) => each.spiffeId))],
      leafLifetimeMs: 86_400_000,
    });
    sidecar = await OneSidecar.start();
    await sidecar.publish(configuredBy(authority));
    door = new ProxyDoor({
      credentials: () => authority.clientCredentials(),
      anchorsOf: (name) => authority.bundlePem(name),
      dial: (_address, port) => sidecar.dial(port),
    });
    const eyes = new ProxyEyes(door, (name) =>
      name === key ? { address: 'in the lab', tenant, spiffeId } : undefined,
    );
    telemetry = startTelemetry({
      ...{ env: {}, serviceName: 'coffre-control-plane', nowMs: Date.now },
      report: (problem) => expect.fail(problem),
    });
    stopReading = everyRecorder(telemetry.meters);
    management = createManagementDoor(
      {
        nowMs: Date.now,
        view: () => ({ ...{ ready: true, snapshot: mesh, xds: '', clients: [] }, certificateOf: () => undefined }),
        proxies: () => ({ eyes, sent: () => undefined }),
        metrics: { contentType: metricsContentType, text: () => telemetry.text() },
        ...{
          wholeSnapshot: () => mesh,
          rotations: () => undefined,
          drills: () => undefined,
          evidence: () => undefined,
        },
        confirmLoss: () => ({ kind: 'confirmed', objects: 0 }),
        workloads: '',
      },
      () => trustDomain,
      () => undefined,
    );
    const credentials = authority.serverCredentials();
    if (credentials === undefined) throw new Error('the CA has no server certificate');
    address = await management.listenOnTls({ address: '127.0.0.1', port: 0 }, credentials, people.anchorPem);
    const port = await freePort();
    api = `http://127.0.0.1:${port}/api/v1`;
    prometheus = await startPrometheus(port);
  });
  afterAll(async () => {
    const ended = prometheus && new Promise((end) => prometheus.once('exit', end));
    prometheus?.kill();
    await ended;
    await management?.close();
    await door?.close();
    await sidecar?.stop();
    stopReading?.();
    await telemetry?.shutdown();
    await rm(folder, { recursive: true, force: true });
  });

  async function startPrometheus(port: number): Promise<ChildProcess> {
    const scraper = join(folder, 'scraper');
    const leaf = await people.issue({ role: 'scraper', scope: { kind: 'mesh' }, name: 'prometheus' }, 3_600_000);
    await writePersonFolder(scraper, leaf, authority.rootPem);
    const listen = `127.0.0.1:${port}`;
    const [command = '', ...flags] = await prometheusArgv({ folder, scraper, target: address, listen });
    return spawn(command, flags, { stdio: 'ignore' });
  }

  async function query(expr: string): Promise<readonly Sample[]> {
    const response = await fetch(`${api}/query?${new URLSearchParams({ query: expr })}`);
    return samplesOf(await response.text());
  }

  /** Looks until there is an answer: Prometheus takes its time to start, to discover and to scrape. */
  async function answered(expr: string): Promise<number> {
    for (let look = 0; look < looksMax; look++) {
      const [first] = await query(expr).catch(() => []);
      if (first !== undefined) return first.value;
      await new Promise((next) => setTimeout(next, lookMs));
    }
    return expect.fail(`\`${expr}\` has no answer`);
  }

  const get = async (path: string, role: 'scraper' | 'auditor' | undefined) => {
    const certificate = join(folder, role ?? 'nobody');
    if (role !== undefined) {
      const leaf = await people.issue({ role, scope: { kind: 'mesh' }, name: 'alice' }, 3_600_000);
      await writePersonFolder(certificate, leaf, authority.rootPem);
    }
    const own =
      role === undefined ? [] : ['--cert', join(certificate, 'person.crt'), '--key', join(certificate, 'person.key')];
    const [, port] = address.split(':');
    const door = `${controlPlaneDnsName}:${port}`;
    const flags = [
      '-s',
      '-i',
      '-m',
      '10',
      '--cacert',
      join(folder, 'scraper/mesh-root.crt'),
      '--resolve',
      `${door}:127.0.0.1`,
    ];
    const { stdout } = await run('curl', [...flags, ...own, `https://${door}${path}`], { maxBuffer: 1 << 25 }).catch(
      ({ code }: { readonly code: number }) => ({ stdout: `no answer (${code})` }),
    );
    const [head = '', ...body] = stdout.split('\r\n\r\n');
    return { head, body: body.join('\r\n\r\n') };
  };

  test('Prometheus scrapes the control plane and the sidecar, each by its name', async () => {
    expect(await answered('up{job="coffre-control-plane"} == 1')).toBe(1);
    expect(await answered(`up{job="coffre-sidecar", instance="${key}", namespace="notaire", pod="api-1"} == 1`)).toBe(
      1,
    );
    expect(await answered('process_resident_memory_bytes{job="coffre-control-plane"}')).toBeGreaterThan(10_000_000);
    expect(await answered(`envoy_server_live{pod="api-1"}`)).toBe(1);
  });

  test('a sidecar that is out of reach is down, and a target all the same', async () => {
    expect(await answered('up{job="coffre-sidecar", instance="atelier/web-1"} == 0')).toBe(0);
  });

  test('every metric of ours is there under the name that the code gives it', async () => {
    await answered('up{job="coffre-control-plane"} == 1');
    for (const { name, kind } of Object.values(instruments)) {
      expect(await answered(kind === 'histogram' ? `${name}_count` : name)).toBeGreaterThanOrEqual(0);
    }
  });

  test('every query of the dashboards and alerts is answered, and names nothing that nobody tells', async () => {
    await answered(`envoy_server_live{pod="api-1"}`);
    const told = await (await fetch(`${api}/label/__name__/values`)).json();
    const names = new Set((told as { readonly data: readonly string[] }).data);
    for (const { expr, where } of [...dashboards(), ...alertRules()]) {
      await query(filledIn(expr));
      const unknown = metricsIn(expr).filter((name) => !names.has(name));
      expect({ where, unknown }).toEqual({ where, unknown: [] });
    }
  });

  test('promtool accepts the text, and it is of the type that Prometheus expects', async () => {
    const { head, body } = await get('/metrics', 'scraper');
    expect(head).toContain('200');
    expect(head.toLowerCase()).toContain('content-type: text/plain; version=0.0.4');
    const checking = run('promtool', ['check', 'metrics']);
    checking.child.stdin?.end(body);
    const { stdout, stderr } = await checking;
    expect(stdout + stderr).toBe('');
  });

  test('nobody else gets a number', async () => {
    expect((await get('/metrics', 'auditor')).head).toContain('403');
    expect((await get('/metrics', undefined)).head).toContain('no answer');
    expect((await get('/v1/status', 'scraper')).head).toContain('404');
  });
});

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

function revealed(leaf: Leaf | undefined) {
  return leaf && { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}

async function freePort(): Promise<number> {
  const squatter = createServer();
  await new Promise<void>((listening) => squatter.listen(0, '127.0.0.1', listening));
  const bound = squatter.address();
  await new Promise((left) => squatter.close(left));
  return typeof bound === 'object' && bound !== null ? bound.port : expect.fail('there is no port');
}

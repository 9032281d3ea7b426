/** The management door with real sockets: each role on each method, and everybody who must not get in. */

import { stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as plainRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ManagementPorts } from '../../src/admin/answer.ts';
import { ask, type Door } from '../../src/admin/management-client.ts';
import { createManagementDoor, type DoorEvent, DoorRefused } from '../../src/admin/management-door.ts';
import { type MethodName, methods } from '../../src/admin/methods.ts';
import { openPeopleAuthority, type PeopleAuthority } from '../../src/admin/people-authority.ts';
import { formatPerson, type Role, roles, type Scope } from '../../src/admin/person.ts';
import { Rotations } from '../../src/controller/rotations.ts';
import { type Authority, defaultServerDnsName } from '../../src/identity/authority.ts';
import { leafProfile } from '../../src/identity/certificate-profile.ts';
import { issueCertificate } from '../../src/identity/issue-certificate.io.ts';
import { readIssuer } from '../../src/identity/issuer-store.io.ts';
import { generateKeyPair } from '../../src/identity/key-pair.io.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { StateFolder } from '../../src/identity/state-folder.io.ts';
import { WorkloadFiles } from '../../src/identity/workload-files.io.ts';
import type { ClientStatus } from '../../src/xds/client-status.ts';
import { sampleRecord } from '../chaos/report/sample-record.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';
import { meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { atelier, twoTenants } from '../fixtures/two-tenants.ts';
import { fakePorts, hourMs } from '../identity/fake-ports.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { FakeDrillEngine } from './fake-drill-engine.ts';
import { quarantineWorld } from './quarantine-world.ts';

const mesh = meshFrom(twoTenants);
/** Real time, since TLS itself looks at the clock. */
const clockPorts = fakePorts(Date.now());
const wholeMesh: Scope = { kind: 'mesh' };

interface World {
  readonly authority: Authority;
  readonly people: PeopleAuthority;
  readonly port: number;
  readonly socket: string;
  readonly events: DoorEvent[];
  readonly drills: FakeDrillEngine;
  /** Evidence of calls that is kept from now on waits for this. */
  disk: Promise<void>;
  /** What the door believes the time to be. */
  setDoorTime(nowMs: number): void;
}

const clients: readonly ClientStatus[] = ['atelier/web-1', 'notaire/api-1'].map((key) => ({
  ...{
    stream: 1,
    protocol: 'delta',
    key,
    nodeId: key,
    address: '10.1.0.1:5',
    openedAtMs: 0,
    takesTtl: true,
    types: [],
  },
}));

/** It holds nothing, and says so. */
const blankProxy = {
  read: async (_proxy: string, path: string) => ({
    kind: 'read' as const,
    text: path === '/runtime' ? '{"layers":[],"entries":{}}' : '{"configs":[]}',
  }),
};

async function world(): Promise<World> {
  const stateFolder = await temporaryFolder();
  const authority = await openAuthority({ stateFolder, trustDomain, ports: clockPorts });
  const people = await openPeopleAuthority({ stateFolder, ports: clockPorts });
  await authority.ensure({ tenants: [], spiffeIds: [atelier.web], leafLifetimeMs: hourMs });
  const workloads = join(stateFolder, 'workloads');
  const files = new WorkloadFiles({
    folder: workloads,
    rootPem: authority.rootPem,
    tokens: authority.tokens,
    clock: clockPorts.clock,
  });
  await files.sync([...mesh.workloads.values()].map(({ key, serviceAccount }) => ({ workload: key, serviceAccount })));
  for (const key of mesh.workloads.keys()) {
    await writeFile(join(files.folderOf(key), 'bootstrap.json'), '{}');
    await writeFile(join(files.folderOf(key), 'hosts'), '');
  }
  let nowMs = clockPorts.clock.nowMs();
  const drills = new FakeDrillEngine(sampleRecord);
  const rotations = new Rotations({
    authority,
    ...{ clients: () => [], others: () => [], leads: () => true, published: () => undefined },
    lookAgain: () => undefined,
    report: () => undefined,
  });
  const quarantines = await quarantineWorld(mesh, nowMs);
  const ports: ManagementPorts = {
    nowMs: () => nowMs,
    view: () => ({ ready: true, snapshot: mesh, xds: '127.0.0.1:15012', clients, certificateOf: () => undefined }),
    wholeSnapshot: () => mesh,
    rotations: () => rotations,
    confirmLoss: () => ({ kind: 'confirmed', objects: 12 }),
    drills: () => drills,
    evidence: () => ({
      store: new MemoryEvidence(),
      reveal: (_, token) => token,
      kept: new MemoryEvidence(),
      forget: async () => ({ kind: 'forgotten' }),
    }),
    proxies: () => ({ eyes: blankProxy, sent: () => ({ revision: 'r', types: new Map() }) }),
    workloads,
    quarantines: () => quarantines.desk,
  };
  const events: DoorEvent[] = [];
  const door = createManagementDoor(
    ports,
    () => trustDomain,
    (event) => events.push(event),
    () => here.disk,
  );
  onTestFinished(() => door.close());
  const credentials = authority.serverCredentials();
  if (credentials === undefined) throw new Error('the CA has no server certificate');
  const bound = await door.listenOnTls({ address: '127.0.0.1', port: 0 }, credentials, people.anchorPem);
  const socket = await door.listenOnSocket(join(stateFolder, 'admin.sock'));
  const here: World = {
    authority,
    people,
    port: Number(bound.split(':').at(-1)),
    socket,
    events,
    drills,
    disk: Promise.resolve(),
    setDoorTime: (ms) => {
      nowMs = ms;
    },
  };
  return here;
}

function doorFor({ authority, port }: World, leaf: Pick<Leaf, 'certificateChainPem' | 'privateKeyPem'>): Door {
  return {
    kind: 'tls',
    address: '127.0.0.1',
    port,
    ...leaf,
    rootPem: authority.rootPem,
    serverName: defaultServerDnsName,
  };
}

async function doorOf(each: World, role: Role, scope: Scope): Promise<Door> {
  return doorFor(each, await each.people.issue({ role, scope, name: 'alice' }, hourMs));
}

const { drill } = sampleRecord;

/** A call that succeeds for whoever may make it. */
function call(door: Door, method: MethodName) {
  switch (method) {
    case 'status':
      return ask(door, method, {});
    case 'explain':
      return ask(door, method, { from: 'atelier/web', to: { kind: 'service', service: 'atelier/api' } });
    case 'rotations':
      return ask(door, method, {});
    case 'rotateIntermediate':
      return ask(door, method, { tenant: 'atelier', abort: false });
    case 'confirmLoss':
      return ask(door, method, { loss: '5eed1055' });
    case 'proxyFiles':
      return ask(door, method, { workload: 'atelier/web-1' });
    case 'proxyStatus':
    case 'proxyConfig':
    case 'proxyDiff':
      return ask(door, method, { workload: 'atelier/web-1' });
    case 'drillPlan':
    case 'drill':
      return ask(door, method, { drill });
    case 'drillReport':
      return ask(door, method, { drill, form: 'json', language: 'fr' });
    case 'drillApprove':
    case 'drillStart':
      return ask(door, method, { drill, planHash: sampleRecord.plan.hash });
    case 'drillHalt':
      return ask(door, method, { drill, reason: 'enough' });
    case 'drillHaltAll':
      return ask(door, method, { reason: 'enough' });
    case 'drillRelease':
    case 'drills':
      return ask(door, method, {});
    case 'events':
      return ask(door, method, { limit: 1 });
    case 'evidenceHead':
      return ask(door, method, {});
    case 'evidenceForget':
      return ask(door, method, { tenant: 'atelier' });
    case 'quarantine':
      return ask(door, method, { workload: 'atelier/web-1', reason: 'malware' });
    case 'quarantineAlarm':
      return ask(door, method, {
        ...{ alarm: 'edr-1', at: new Date(clockPorts.clock.nowMs()).toISOString() },
        ...{ workload: 'atelier/web-1', reason: 'malware' },
      });
    case 'quarantineRelease':
      return ask(door, method, { workload: 'atelier/web-1' });
    case 'quarantines':
      return ask(door, method, {});
    case 'alerts':
      return ask(door, method, { alerts: [] });
  }
}

const methodNames = Object.keys(methods) as MethodName[];

describe('each role on each method', () => {
  /** Written out a second time on purpose: a change of the table must be meant. */
  const wanted: Readonly<Record<Role, readonly MethodName[]>> = {
    viewer: [
      ...['status', 'explain', 'rotations', 'proxyStatus', 'proxyConfig', 'proxyDiff', 'drills', 'drill'],
      ...['events', 'evidenceHead', 'quarantines'],
    ] as MethodName[],
    operator: [
      ...[
        'status',
        'explain',
        'rotations',
        'rotateIntermediate',
        'confirmLoss',
        'proxyFiles',
        'proxyStatus',
        'proxyConfig',
        'proxyDiff',
      ],
      ...[
        'drillHalt',
        'drillHaltAll',
        'drills',
        'drill',
        'drillReport',
        'events',
        'evidenceHead',
        'evidenceForget',
        'quarantine',
        'quarantineAlarm',
        'quarantineRelease',
        'quarantines',
        'alerts',
      ],
    ] as MethodName[],
    'game-master': [
      ...['status', 'rotations', 'proxyStatus', 'drillPlan', 'drillApprove', 'drillStart', 'drillHalt', 'drillHaltAll'],
      ...['drillRelease', 'drills', 'drill', 'drillReport', 'events', 'evidenceHead', 'quarantines', 'alerts'],
    ] as MethodName[],
    auditor: [
      ...[
        'status',
        'explain',
        'rotations',
        'proxyStatus',
        'proxyConfig',
        'proxyDiff',
        'drills',
        'drill',
        'drillReport',
        'events',
        'evidenceHead',
        'quarantines',
      ],
    ] as MethodName[],
    alerter: ['alerts'],
    responder: ['quarantineAlarm'],
    scraper: [],
  };
  test.each(roles)('%s', async (role) => {
    for (const scope of [wholeMesh, { kind: 'tenant', tenant: 'atelier' } as const]) {
      // A world for each: what one has begun, the next cannot begin.
      const door = await doorOf(await world(), role, scope);
      const answered = [];
      for (const method of methodNames) {
        const asked = await call(door, method);
        // The lever is the mesh's: the drills' own judge tells a game-master of one tenant so.
        const reached = asked.kind === 'answered' || (asked.kind === 'refused' && asked.status === 422);
        if (reached) answered.push(method);
        else expect(asked).toMatchObject({ kind: 'refused', status: 403, message: expect.stringContaining(role) });
      }
      expect(answered).toEqual(wanted[role]);
    }
  });

  test('are answered when what is evidence of them was kept, so that whoever is killed then has done nothing unseen', async () => {
    const here = await world();
    const { promise, resolve } = Promise.withResolvers<void>();
    here.disk = promise;
    const door: Door = { kind: 'socket', path: here.socket };
    const seen: string[] = [];
    const answered = call(door, 'confirmLoss').then(({ kind }) => seen.push(kind));
    while (here.events.length === 0) await setImmediate();
    here.disk = Promise.resolve();
    // An answer that was on its way would be here before that to a later call.
    await call(door, 'status');
    seen.push('kept');
    resolve();
    await answered;
    expect(seen).toEqual(['kept', 'answered']);
  });

  test('the owner of the socket may call them all, and nobody else may open it', async () => {
    const { socket, events } = await world();
    for (const method of methodNames)
      expect(await call({ kind: 'socket', path: socket }, method)).toMatchObject({ kind: 'answered' });
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    expect(events).toEqual(methodNames.map((method) => ({ caller: 'owner', method, status: 200 })));
  });
});

describe('who sees one tenant', () => {
  let foreign: Scope;
  beforeAll(() => {
    foreign = { kind: 'tenant', tenant: 'notaire' };
  });

  test('sees no name of another in the status', async () => {
    const asked = await ask(await doorOf(await world(), 'viewer', foreign), 'status', {});
    expect(asked).toMatchObject({ kind: 'answered', value: { tenants: ['notaire'] } });
    expect(JSON.stringify(asked)).not.toContain('atelier');
  });

  test.each(['atelier/api', 'atelier/nothing', 'nobody/nothing'])(
    'is told the same of %s, which is there or not',
    async (service) => {
      const door = await doorOf(await world(), 'operator', foreign);
      const asked = await ask(door, 'explain', { from: 'notaire/web', to: { kind: 'service', service } });
      expect(asked).toEqual({
        kind: 'refused',
        status: 404,
        message: 'there is no such destination in tenant `notaire`',
        advice: expect.any(String),
      });
    },
  );

  test.each(['atelier/web-1', 'atelier/none', '../atelier/web-1'])('gets no files of %s', async (workload) => {
    const asked = await ask(await doorOf(await world(), 'operator', foreign), 'proxyFiles', { workload });
    expect(asked).toMatchObject({
      kind: 'refused',
      status: 404,
      message: `there is no workload \`${workload}\` that could have a proxy`,
    });
  });

  test('neither rotates the CA of another, nor is told that it is being rotated', async () => {
    const here = await world();
    expect(await here.authority.beginRotation('atelier')).toMatchObject({ kind: 'accepted' });
    const door = await doorOf(here, 'operator', foreign);
    const asked = await ask(door, 'rotateIntermediate', { tenant: 'atelier', abort: true });
    expect(asked).toMatchObject({ kind: 'refused', status: 404, message: 'there is no tenant `atelier`' });
    expect(here.authority.rotations()).toMatchObject([{ tenant: 'atelier', aborted: false }]);
    expect(await ask(door, 'rotations', {})).toEqual({ kind: 'answered', value: [] });
  });
});

describe('SEC-41 who gets no answer at all', () => {
  test('a workload, whose certificate is good everywhere else in the mesh', async () => {
    const here = await world();
    const leaf = here.authority.leaf(atelier.web);
    if (leaf === undefined) throw new Error('the workload has no certificate');
    expect(await ask(doorFor(here, leaf), 'status', {})).toMatchObject({ kind: 'unreachable' });
    expect(here.events).toEqual([]);
  });

  test('the control plane’s own server certificate', async () => {
    const here = await world();
    const leaf = here.authority.serverCredentials();
    if (leaf === undefined) throw new Error('the CA has no server certificate');
    expect(await ask(doorFor(here, leaf), 'status', {})).toMatchObject({ kind: 'unreachable' });
  });

  test('a person’s name, vouched for by a tenant’s CA', async () => {
    const here = await world();
    const state = await StateFolder.open(dirname(here.socket), undefined, clockPorts.entropy);
    const tenantCa = await readIssuer(state, 'tenants/atelier');
    if (tenantCa === undefined) throw new Error('the tenant has no CA');
    const keys = await generateKeyPair();
    const uri = formatPerson({ trustDomain, role: 'operator', scope: wholeMesh, name: 'alice' });
    const { pem } = await issueCertificate(leafProfile(uri, hourMs), keys, tenantCa, clockPorts);
    const forged = { certificateChainPem: pem + tenantCa.certificate.pem, privateKeyPem: keys.privateKeyPem };
    expect(await ask(doorFor(here, forged), 'status', {})).toMatchObject({ kind: 'unreachable' });
    expect(here.events).toEqual([]);
  });

  test('a workload’s name, vouched for by the people’s CA', async () => {
    const here = await world();
    const state = await StateFolder.open(dirname(here.socket), undefined, clockPorts.entropy);
    const peopleCa = await readIssuer(state, 'people');
    if (peopleCa === undefined) throw new Error('there is no CA for people');
    const keys = await generateKeyPair();
    const { pem } = await issueCertificate(leafProfile(atelier.web, hourMs), keys, peopleCa, clockPorts);
    const forged = { certificateChainPem: pem + peopleCa.certificate.pem, privateKeyPem: keys.privateKeyPem };
    expect(await ask(doorFor(here, forged), 'status', {})).toMatchObject({ kind: 'refused', status: 401 });
  });

  test('a person of another mesh', async () => {
    const [here, elsewhere] = [await world(), await world()];
    const stranger = await elsewhere.people.issue({ role: 'operator', scope: wholeMesh, name: 'alice' }, hourMs);
    expect(await ask(doorFor(here, stranger), 'status', {})).toMatchObject({ kind: 'unreachable' });
    expect(here.events).toEqual([]);
  });

  test('somebody without a certificate, or without TLS', async () => {
    const { port } = await world();
    const get = (scheme: 'http' | 'https') =>
      fetch(`${scheme}://127.0.0.1:${port}/v1/status`, { method: 'POST' }).then((response) => response.status);
    await expect(get('https')).rejects.toThrow();
    await expect(get('http')).rejects.toThrow();
  });

  test('a person whose certificate has ended while the connection is open', async () => {
    const here = await world();
    const door = await doorOf(here, 'operator', wholeMesh);
    expect(await ask(door, 'status', {})).toMatchObject({ kind: 'answered' });
    here.setDoorTime(clockPorts.clock.nowMs() + hourMs + 1);
    expect(await ask(door, 'status', {})).toMatchObject({ kind: 'refused', status: 401 });
  });

  test('a person asking a server that cannot prove to be the control plane', async () => {
    const [here, impostor] = [await world(), await world()];
    const leaf = await here.people.issue({ role: 'operator', scope: wholeMesh, name: 'alice' }, hourMs);
    const door = { ...doorFor(here, leaf), port: impostor.port } as Door;
    expect(await ask(door, 'status', {})).toMatchObject({ kind: 'unreachable' });
    expect(impostor.events).toEqual([]);
  });
});

describe('requests that are none are answered with what to do', () => {
  const json = { 'content-type': 'application/json' };

  test.each([
    ['GET', '/v1/status', '', 404],
    ['POST', '/v1/constructor', '', 404],
    ['POST', '/v2/status', '', 404],
    ['POST', '/v1/explain', '{', 400],
    ['POST', '/v1/explain', '{"from":"a/b"}', 400],
    ['POST', '/v1/explain', '[1]', 400],
    ['POST', '/v1/proxyFiles', '{"workload":7}', 400],
    ['POST', '/v1/rotateIntermediate', '{"tenant":"atelier"}', 400],
    ['POST', '/v1/rotateIntermediate', '{"tenant":"atelier","abort":true}', 409],
    ['POST', '/v1/rotateIntermediate', '{"tenant":"nobody","abort":false}', 404],
    ['POST', '/v1/status', JSON.stringify({ filling: 'x'.repeat(70_000) }), 400],
  ])('%s %s, case %#', async (method, path, body, wanted) => {
    const { socket } = await world();
    const { status, text } = await raw(socket, method, path, body);
    expect(status).toBe(wanted);
    expect(JSON.parse(text)).toEqual({
      code: expect.any(String),
      message: expect.any(String),
      advice: expect.any(String),
    });
  });

  test.each<[string, OutgoingHttpHeaders, number, string]>([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'content-type'],
    ['a form of plain text', { 'content-type': 'text/plain' }, 415, 'content-type'],
    ['a type that only begins so', { 'content-type': 'application/jsonp' }, 415, 'content-type'],
    ['no type', {}, 415, 'content-type'],
    ['a script of another origin', { ...json, origin: 'https://evil.test' }, 403, 'browser'],
    ['a script without an origin', { ...json, origin: 'null' }, 403, 'browser'],
    ['a browser that marks it', { ...json, 'sec-fetch-site': 'cross-site' }, 403, 'browser'],
    ['a page of this very host', { ...json, 'sec-fetch-site': 'same-origin' }, 403, 'browser'],
    ['a type with a character set', { 'content-type': 'application/json; charset=utf-8' }, 200, ''],
    ['no page', { ...json, 'sec-fetch-site': 'none' }, 200, ''],
  ])('%s: what a page in a browser can send is refused', async (_, headers, wanted, code) => {
    const { socket, drills } = await world();
    const { status, text } = await raw(socket, 'POST', '/v1/drillHaltAll', '{"reason":"enough"}', headers);
    expect(status).toBe(wanted);
    if (wanted !== 200) expect(JSON.parse(text)).toMatchObject({ code });
    expect(drills.asked).toHaveLength(wanted === 200 ? 1 : 0);
  });

  test('SEC-39 a preflight of a browser is answered with no permission', async () => {
    const { socket } = await world();
    const headers = { origin: 'https://evil.test', 'access-control-request-method': 'POST' };
    const { status, headers: answered } = await raw(socket, 'OPTIONS', '/v1/drillHaltAll', '', headers);
    expect(status).toBe(403);
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('only alerts may be longer than a question', async () => {
    const { socket, drills } = await world();
    const alerts = Array.from({ length: 900 }, () => ({ name: 'a'.repeat(100), state: 'firing' }));
    expect(await raw(socket, 'POST', '/v1/alerts', JSON.stringify({ alerts }))).toMatchObject({ status: 200 });
    expect(drills.heard).toHaveLength(900);
    const endless = JSON.stringify({ alerts, filling: 'x'.repeat(4 * 1_024 * 1_024) });
    expect(await raw(socket, 'POST', '/v1/alerts', endless)).toMatchObject({ status: 400 });
  });

  function raw(
    socketPath: string,
    method: string,
    path: string,
    body: string,
    headers: OutgoingHttpHeaders = json,
  ): Promise<{ status: number; text: string; headers: IncomingHttpHeaders }> {
    return new Promise((resolve, reject) => {
      const request = plainRequest({ socketPath, method, path, headers }, async (response) => {
        const chunks = await response.toArray();
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
      });
      request.once('error', reject);
      request.end(body);
    });
  }
});

describe('the socket’s place', () => {
  const noPorts: ManagementPorts = {
    nowMs: () => 0,
    view: () => ({ ready: false, snapshot: undefined, xds: '', clients: [], certificateOf: () => undefined }),
    wholeSnapshot: () => undefined,
    rotations: () => undefined,
    confirmLoss: () => ({ kind: 'confirmed', objects: 12 }),
    drills: () => undefined,
    evidence: () => undefined,
    proxies: () => undefined,
    workloads: '',
  };
  const open = async (path: string) => {
    const door = createManagementDoor(
      noPorts,
      () => undefined,
      () => undefined,
    );
    onTestFinished(() => door.close());
    return door.listenOnSocket(path);
  };

  test('is not taken from a control plane that lives', async () => {
    const path = join(await temporaryFolder(), 'admin.sock');
    await open(path);
    await expect(open(path)).rejects.toThrow(DoorRefused);
  });

  test('is not made where an ordinary file lies', async () => {
    const path = join(await temporaryFolder(), 'admin.sock');
    await writeFile(path, 'mine');
    await expect(open(path)).rejects.toThrow(/EADDRINUSE/);
  });

  test('is answered from before there is a mesh', async () => {
    const path = await open(join(await temporaryFolder(), 'admin.sock'));
    const door: Door = { kind: 'socket', path };
    expect(await ask(door, 'status', {})).toMatchObject({ kind: 'answered', value: { ready: false } });
    for (const method of ['explain', 'drills'] as const) {
      expect(await call(door, method)).toMatchObject({ kind: 'refused', status: 503 });
    }
  });
});

test('a server that answers no JSON is unreachable, not an exception', async () => {
  const path = join(await temporaryFolder(), 's.sock');
  const server = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((listening) => server.listen(path, listening));
  onTestFinished(() => void server.close());
  expect(await ask({ kind: 'socket', path }, 'status', {})).toMatchObject({ kind: 'unreachable' });
});

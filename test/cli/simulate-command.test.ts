/** `coffre simulate` as a person and as CI type it: against a door with evidence behind it, and against an export. */
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { exportTo } from '../../src/evidence/chain/export.io.ts';
import type { DenialEvent, EvidenceEvent, RequestEvent, UndeclaredPort } from '../../src/evidence/event.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';
import { SqliteWorld } from '../evidence/sqlite/sqlite-world.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { atelier, atelierPolicy, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { doorOf } from './door-of.ts';
import { folderOf, run } from './run-command.ts';

const nowMs = Date.UTC(2027, 0, 1);
const atMs = nowMs - 3_600_000;

const mesh = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain} }
`,
  twoTenants,
);
const grant = (to: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api${to} }, reason: r }
`;

function allowed(id: string, path: string, changes: Partial<RequestEvent> = {}): RequestEvent {
  return {
    kind: 'request',
    id: `d:${id}:x`,
    decision: id,
    atMs,
    tenant: 'atelier',
    workload: 'atelier/api-1',
    verdict: 'allow',
    from: { identity: atelier.web },
    to: { address: '10.1.0.2:8080', workload: 'atelier/api-1', port: 8_080 },
    request: { host: 'api:80', method: 'GET', path, status: 200 },
    durationMs: 1,
    standsFor: 100,
    ...changes,
  };
}

function refused(id: string, changes: Partial<DenialEvent> = {}): DenialEvent {
  const { kind: _, verdict: __, durationMs: ___, standsFor: ____, ...common } = allowed(id, '/documents/9');
  return { ...common, kind: 'denial', verdict: 'deny', by: 'worker', reason: 'deny-rule', ...changes };
}

/** Stopped at the caller, for want of a way. */
const dialled: UndeclaredPort = {
  kind: 'undeclared-port',
  direction: 'outbound',
  id: 'r:dialled',
  atMs,
  tenant: 'notaire',
  workload: 'notaire/web-1',
  from: { identity: notaire.web, workload: 'notaire/web-1' },
  to: { address: '10.96.1.2:80', service: 'atelier/api', port: 80 },
};

interface Asked {
  readonly mesh?: string;
  readonly change: string;
  readonly events: readonly EvidenceEvent[];
}

async function simulate({ mesh: before = mesh, change, events }: Asked, ...flags: readonly string[]) {
  const dir = folderOf({ 'mesh.yaml': before });
  const changes = folderOf({ 'change.yaml': change });
  const evidence = new MemoryEvidence();
  evidence.keep(...events);
  const state = await doorOf(meshFrom(before), nowMs, evidence);
  const where = ['--dir', dir, '--state', state, '--against', '24h'];
  return run('simulate', '-f', join(changes, 'change.yaml'), ...where, ...flags);
}

describe('verdicts that flip', () => {
  const noDocuments = atelierPolicy('{ deny: [{ to: { paths: ["/documents/*"] } }] }');
  const traffic = [allowed('a1', '/documents/7'), allowed('a2', '/documents/8'), allowed('a3', '/other')];

  test('are told by caller, destination and shape of the path, with the rule that decides before and after', async () => {
    const { out, code } = await simulate({ change: noDocuments, events: traffic });
    expect(code).toBe(0);
    await expect(out.replaceAll(/\/\S+(?=change\.yaml)/g, '')).toMatchFileSnapshot('golden/simulate.txt');
  });

  test('are unknown of a grant that asks what no record holds, and known of one that asks its host or path', async () => {
    const events = [refused('g1', { from: { identity: notaire.web }, reason: 'tenant-wall' })];
    const headers = '{ name: x-team, exact: red }';
    const narrow = await simulate({ change: grant(`, headers: [${headers}]`), events }, '--fail-on', 'unknown');
    expect(narrow.out).toContain('header x-team');
    expect(narrow.code).toBe(78);
    const when = (condition: string) => grant('').replace('reason', `when: ${condition}, reason`);
    expect((await simulate({ change: when('token.valid'), events }, '--fail-on', 'unknown')).code).toBe(78);
    expect((await simulate({ change: when('size(request.path) > 1'), events })).code).toBe(79);
    expect((await simulate({ change: grant(', hosts: [api]'), events })).code).toBe(79);
    expect((await simulate({ change: grant(', hosts: [other]'), events }, '--fail-on', 'unknown')).code).toBe(0);
  });

  test('fail the command where it is asked to', async () => {
    expect((await simulate({ change: noDocuments, events: traffic }, '--fail-on', 'denied')).code).toBe(1);
    expect((await simulate({ change: grant(''), events: traffic }, '--fail-on', 'denied')).code).toBe(0);
  });

  test('are none where nothing of the traffic is concerned', async () => {
    const { out } = await simulate({ change: grant(''), events: traffic });
    expect(out).toMatch(/^newly denied: none\nnewly allowed: none$/m);
  });

  test('end with 79 where a tenant would be let in, whatever else was asked', async () => {
    const { out, code } = await simulate({ change: grant(''), events: [dialled] }, '--fail-on', 'unknown');
    expect(code).toBe(79);
    expect(out).toContain(`${notaire.web} -> atelier/api:80 a connection (ACROSS TENANTS): 1 time, such as r:dialled`);
    expect(out).toContain('A TENANT WOULD BE LET IN where it is not: 1 record');
  });
});

describe('what no record holds', () => {
  const asksHeader = atelierPolicy('{ deny: [{ to: { headers: [{ name: x-debug, present: true }] } }] }');

  test('makes a verdict unknown, says what would settle it, and fails only where asked to', async () => {
    const asked = { change: asksHeader, events: [allowed('a1', '/documents/7')] };
    const { out, code } = await simulate(asked);
    expect(code).toBe(0);
    expect(out).toContain('unknown, may be denied: 1 record');
    expect(out).toContain('to settle it, one would have to know header x-debug');
    expect((await simulate(asked, '--fail-on', 'unknown')).code).toBe(78);
  });

  test('of another tenant is no opening, and is said beside', async () => {
    const change = grant(', paths: ["/documents/*"]');
    const { out, code } = await simulate({ change, events: [dialled] });
    expect(code).toBe(0);
    expect(out).toContain('of 1 record across tenants it is not known');
  });

  test('is known of a token that the worker missed', async () => {
    const asksToken = documents(
      mesh.replaceAll('name: atelier }\nspec: { environment: prod }', `name: atelier }\nspec: ${withProvider}`),
      atelierPolicy('{ allow: [{ token: { provider: staff } }] }'),
    );
    const event = refused('t1', { reason: 'token-missing' });
    const opened = atelierPolicy('{ allow: [{ from: { tenants: [atelier] } }] }');
    const { out } = await simulate({ mesh: asksToken, change: opened, events: [event] });
    expect(out).toMatch(
      /newly allowed: 1 record\n.*\n {6}now {3}denied: .* asks for a token that the request does not bring/,
    );
  });
});

const withProvider =
  '{ environment: prod, identityProviders: [{ name: staff, preset: oidc, issuer: "https://id.example", audiences: [api] }] }';

describe('what was seen', () => {
  test('is a share of what was allowed, with how often one must have come to be in it', async () => {
    const { out } = await simulate({ change: grant(''), events: [allowed('a1', '/')] });
    expect(out).toContain('the allowed stand for 100 requests: 1 % of them was seen');
    expect(out).toContain('who came fewer than 299 times may well not be among the 1 seen');
  });

  test('is nothing where nothing was recorded, which says nothing about the change', async () => {
    const { out, code } = await simulate({ change: grant(''), events: [] });
    expect({ out: out.includes('NOTHING was replayed'), code }).toEqual({ out: true, code: 0 });
    expect((await simulate({ change: grant(''), events: [] }, '--fail-on', 'unknown')).code).toBe(78);
  });

  test('counts what cannot be replayed, by why', async () => {
    const formal = refused('f1', { reason: 'bad-host' });
    const gone = allowed('g1', '/', { to: { workload: 'atelier/gone-1', port: 8_080 } });
    const { out } = await simulate({
      change: grant(''),
      events: [
        formal,
        gone,
        { ...dialled, to: { address: '10.9.9.9:80', port: 80 } },
        { ...dialled, id: 'h', kind: 'handshake-failure', from: {}, sni: 'x', reason: 'y' },
      ],
    });
    expect(out.match(/not replayed: .*/g)).toEqual([
      'not replayed: 1 proved no identity',
      'not replayed: 1 refused for the form, by no policy',
      'not replayed: 1 for what nothing declares',
      'not replayed: 1 to pods that are in neither mesh',
    ]);
  });

  test('drifts where a record says otherwise than the mesh as it is now', async () => {
    const asked = { change: grant(''), events: [refused('x1', { revision: 'r9' })] };
    const { out, code } = await simulate(asked, '--fail-on', 'drift');
    expect(code).toBe(1);
    expect(out).toMatch(/recorded {2}deny: deny-rule \(revision r9\)\n {6}now {7}allowed: `tenant\/atelier\/default`/);
  });

  test('has an end', async () => {
    const events = [allowed('a1', '/'), allowed('a2', '/'), allowed('a3', '/')];
    const { out } = await simulate({ change: grant(''), events }, '--max', '2');
    expect(out).toContain('there are more: the newest were not looked at (--max)');
    expect(out).toContain('replayed: 2 allowed');
  });
});

describe('the change', () => {
  test('may be a folder, which is the whole mesh', async () => {
    const folder = folderOf({ 'mesh.yaml': documents(mesh, atelierPolicy('{ deny: [{}] }')) });
    const evidence = new MemoryEvidence();
    evidence.keep(allowed('a1', '/'));
    const state = await doorOf(meshFrom(mesh), nowMs, evidence);
    const dir = folderOf({ 'mesh.yaml': mesh });
    const { out } = await run('simulate', '-f', folder, '--dir', dir, '--state', state, '--against', '24h');
    expect(out).toContain('newly denied: 1 record');
  });

  test('is refused whole where it has errors: half of it is another change', async () => {
    const { err, code } = await simulate({ change: atelierPolicy('{ dney: [] }'), events: [] });
    expect(code).toBe(2);
    expect(err).toContain('change.yaml` has errors');
  });

  test('is told to be against another mesh than the one in force', async () => {
    const state = await doorOf(meshFrom(documents(mesh, grant(''))), nowMs, new MemoryEvidence());
    const dir = folderOf({ 'mesh.yaml': mesh, 'change.yaml': '' });
    const { err } = await run('simulate', '-f', dir, '--dir', dir, '--state', state, '--against', '24h');
    expect(err).toContain('is not what is in force');
  });
});

describe('an export', () => {
  async function exported(...events: readonly EvidenceEvent[]) {
    const world = new SqliteWorld();
    onTestFinished(() => world.remove());
    const store = await world.open();
    await store.append(events);
    const [file, key] = [join(world.folder, 'export.jsonl'), join(world.folder, 'key.pem')];
    const stream = createWriteStream(file);
    await exportTo(stream, world.path);
    await finished(stream.end());
    writeFileSync(key, world.publicKeyPem);
    return { file, key };
  }
  const dir = () => folderOf({ 'mesh.yaml': mesh });
  const change = () => join(folderOf({ 'change.yaml': grant('') }), 'change.yaml');

  test('serves where no control plane is, verified by its key', async () => {
    const { file, key } = await exported(allowed('a1', '/'), dialled);
    const { out, err, code } = await run(
      ...['simulate', '-f', change(), '--dir', dir(), '--against', '24h', '--events', file, '--key', key, '-o', 'json'],
    );
    expect({ code, err }).toEqual({ code: 79, err: '' });
    expect(JSON.parse(out)).toMatchObject({
      records: 2,
      seen: { allowed: 1, standFor: 100, share: 0.01 },
      report: { opened: 1, judged: { allowed: 1, refused: 1 } },
    });
  });

  test('that was altered is not believed', async () => {
    const { file, key } = await exported(allowed('a1', '/'));
    const other = new SqliteWorld();
    onTestFinished(() => other.remove());
    writeFileSync(key, other.publicKeyPem);
    const where = ['--dir', dir(), '--against', '24h', '--events', file];
    const { err, code } = await run('simulate', '-f', change(), ...where, '--key', key);
    expect({ code, told: err.includes('is not what was signed') }).toEqual({ code: 2, told: true });
    expect((await run('simulate', '-f', change(), ...where)).err).toContain('is taken at its word');
  });

  test('that is none is told with its line', async () => {
    const file = join(folderOf({ 'x.jsonl': '{"no":"export"}\n' }), 'x.jsonl');
    const { err, code } = await run(
      ...['simulate', '-f', change(), '--dir', dir(), '--against', '24h', '--events', file],
    );
    expect({ code, told: err.includes('line 1 of') }).toEqual({ code: 2, told: true });
  });
});

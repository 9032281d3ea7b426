/**
 * The authorization worker in a mesh of real Envoys: killed, restarted, left alone, robbed and impersonated. Whatever
 * happens to it, an application sees no request that no worker allowed.
 *
 *   shop   web ─▶ api (every request judged)        one lab, one test after another: each leaves a whole mesh behind
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { authzServerName } from '../../src/envoy/ext-authz.ts';
import { defaultServerDnsName } from '../../src/identity/authority.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { parseCurl } from '../../src/lab/demo/curl-answer.ts';
import { authzPort, MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { inLab } from './differential/in-lab.ts';
import { decisions, strangers, unauthorised, workingResources } from './invariants.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { jsonLines, type Steady, type SteadyAnswer, startSteady } from './steady.ts';

/** What is promised of a worker that comes back, and of a revocation, in ms. */
const promisedMs = 2_000;
/** How long each policy stands under load, in ms. */
const turnMs = 300;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const api = 'shop/api-0';
const web = 'shop/web-0';

const denies = (path: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: closed, namespace: shop }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { paths: ["${path}"] } }] }
`;

/** So that whatever is judged here travels by the route of a caller for whom a fault is armed. */
const drills = `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: drills, namespace: shop }
spec:
  asTarget: { services: [api], callerTenants: [shop], methods: [abort], maxDuration: 10m, maxPercent: 100 }
  asCaller: { targetTenants: [shop], methods: [abort], maxDuration: 10m, maxPercent: 100 }
`;

const files = {
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] }, authorization: { mode: everyRequest } }
`,
  'shop.yaml': documents(
    'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: shop }\nspec: { environment: test }',
    podText({ namespace: 'shop', name: 'web-0', account: 'web', addresses: ['10.99.1.1'], ports: [8_080] }),
    podText({ namespace: 'shop', name: 'api-0', account: 'api', addresses: ['10.99.1.2'], ports: [8_080] }),
    serviceText('shop', 'api', '10.96.1.2', 'api', 'name: http, port: 80, targetPort: 8080'),
  ),
  'closed.yaml': denies('/closed'),
  'drills.yaml': drills,
};

inLab('the authorization worker', () => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({ folder });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });
  afterEach(async () => {
    await expect.poll(() => unauthorised(mesh).filter(({ path }) => path !== '/honest')).toEqual([]);
    expect(strangers(mesh)).toEqual([]);
  });

  const ask = async (path = '/open') => {
    const argv = ['curl', '-si', '-m', '5', `http://api${path}`];
    const answer = parseCurl((await mesh.lab.run({ in: web, argv, confined: true, timeoutMs: 10_000 })).stdout);
    return { status: answer.status, decision: answer.header('x-coffre-decision'), body: answer.body };
  };
  const arrived = () => mesh.pod(api).app.requests();
  const recordOf = async (id: string | undefined) => {
    await expect.poll(() => decisions(mesh).some((record) => record.id === id)).toBe(true);
    return decisions(mesh).find((record) => record.id === id);
  };

  /** Both are 503 with an id, and nothing arrives. */
  const expectNobodyPasses = async () => {
    const before = arrived().length;
    for (const path of ['/open', '/other']) {
      expect(await ask(path)).toMatchObject({ status: 503, decision: expect.stringMatching(uuid) });
    }
    expect(arrived().length).toBe(before);
  };

  /** @returns all that was answered meanwhile, on both paths in turn. */
  const underLoad = async (act: (steady: Steady) => Promise<void>): Promise<readonly SteadyAnswer[]> => {
    const steady = await startSteady(mesh.lab, web, ['http://api/red', 'http://api/blue'], { perSecond: 50 });
    try {
      await act(steady);
    } finally {
      await steady.stop();
    }
    return steady.answers();
  };

  /** @returns ms from now to the first 200. */
  const untilServed = async (): Promise<number> => {
    const sinceMs = performance.now();
    await expect.poll(async () => (await ask()).status, { timeout: 20_000, interval: 10 }).toBe(200);
    return performance.now() - sinceMs;
  };

  test('an allow, its record and the request at the application carry one id', async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ status: 200, decision: expect.stringMatching(uuid) });
    expect(arrived().at(-1)).toMatchObject({ id: answer.decision, path: '/open' });
    expect(await recordOf(answer.decision)).toMatchObject({
      verdict: 'allow',
      rule: 'tenant/shop/default',
      request: { principal: `spiffe://${trustDomain}/ns/shop/sa/web`, path: '/open' },
    });
  });

  test('policies that change under load are each judged by whole, and only by such as were published', async () => {
    const first = decisions(mesh).length;
    const answers = await underLoad(async (steady) => {
      for (const closed of ['/red', '/blue', '/red', '/blue', '/red', '/blue']) {
        mesh.write('closed.yaml', denies(closed));
        const writtenMs = Date.now();
        const refused = await steady.until(
          `${closed} is refused`,
          ({ askedMs, path, status }) => askedMs >= writtenMs && path === closed && status === 403,
        );
        expect(refused.askedMs - writtenMs).toBeLessThan(promisedMs);
        await steady.until('the turn is over', ({ askedMs }) => askedMs > refused.askedMs + turnMs);
      }
    });
    mesh.write('closed.yaml', denies('/closed'));
    await expect.poll(async () => (await ask('/blue')).status).toBe(200);
    expect(answers.length).toBeGreaterThan(100);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 403]));

    const log = jsonLines<{ readonly revision?: string }>(mesh.controlPlane.stdoutPath);
    const published = new Set(log.map(({ revision }) => revision));
    const judged = decisions(mesh)
      .slice(first)
      .flatMap((record) => (record.verdict === 'allow' ? [record] : []));
    expect(judged.filter(({ revision }) => !published.has(revision))).toEqual([]);
    // Two contents, two revisions: under each of them one path is allowed, and never the other. Before, both were.
    const allowedBy = Map.groupBy(judged, ({ revision }) => revision);
    const paths = [...allowedBy.values()].map((records) =>
      [...new Set(records.map(({ request }) => request.path))].sort(),
    );
    expect(paths.filter((allowed) => allowed.length === 1).sort()).toEqual([['/blue'], ['/red']]);
    expect(paths.filter((allowed) => allowed.length > 1).length).toBeLessThanOrEqual(1);
  });

  test('killed, it leaves 503 with an id and nothing at the application; restarted, it serves at once', async () => {
    await mesh.killAuthzWorker();
    await expectNobodyPasses();
    const resources = await workingResources(mesh.sidecar(api));
    await mesh.startAuthzWorker();
    expect(await untilServed()).toBeLessThan(promisedMs);
    expect(await workingResources(mesh.sidecar(api))).toEqual(resources);
  });

  test('without a control plane it goes on, and a new one starts from what the old one sealed', async () => {
    const resources = await workingResources(mesh.sidecar(api));
    await mesh.killControlPlane();
    expect(await ask()).toMatchObject({ status: 200 });
    expect(await ask('/closed')).toMatchObject({ status: 403 });

    await mesh.killAuthzWorker();
    await expectNobodyPasses();
    await mesh.startAuthzWorker();
    expect(await untilServed()).toBeLessThan(promisedMs);
    expect(await ask('/closed')).toMatchObject({ status: 403 });
    expect(await workingResources(mesh.sidecar(api))).toEqual(resources);
    await mesh.startControlPlane();
  });

  test('what was sealed and altered is refused, and nobody passes until the control plane is back', async () => {
    await mesh.killControlPlane();
    await mesh.killAuthzWorker();
    const sealed = join(mesh.lab.privateDir, 'authz', 'knowledge.sealed');
    const bytes = readFileSync(sealed);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(sealed, bytes);

    const old = mesh.authzWorker.pid;
    const serving = mesh.startAuthzWorker();
    await expect.poll(() => mesh.authzWorker.pid).not.toBe(old);
    await mesh.authzWorker.waitForLine(/kept on disk are refused/, 20_000);
    await expectNobodyPasses();
    await mesh.startControlPlane();
    await serving;
    await untilServed();
  });

  test.each(['garbage', 'zero-length', 'oversized', 'cut-short', 'silence', 'reset', 'no-such-status'])(
    'a server with its certificate that answers %s gets nobody through',
    async (lie) => {
      await mesh.killAuthzWorker();
      const liar = await startLiar(lie);
      const before = arrived().length;
      // The first may find Envoy still without a connection to it, and be refused for that.
      const statuses = new Set<number>();
      const wasAsked = async () => {
        statuses.add((await ask()).status);
        return readFileSync(liar.stdoutPath, 'utf8').includes('asked');
      };
      await expect.poll(wasAsked, { timeout: 10_000 }).toBe(true);
      expect([...statuses].filter((status) => status !== 403 && status !== 503)).toEqual([]);
      expect(arrived().length).toBe(before);
      await liar.kill('SIGKILL');
      await liar.exited;
      await mesh.startAuthzWorker();
      await untilServed();
    },
  );

  test('the same server is believed when it says what a worker says: the lies failed by what they said', async () => {
    await mesh.killAuthzWorker();
    const liar = await startLiar('honest');
    await expect.poll(() => ask('/honest'), { timeout: 10_000 }).toMatchObject({ status: 200, decision: '7' });
    await liar.kill('SIGKILL');
    await liar.exited;
    await mesh.startAuthzWorker();
    await untilServed();
  });

  /** In the worker's place, under its name. */
  async function startLiar(lie: string) {
    const { certificatePath, keyPath } = await workerCertificate(mesh);
    const script = fileURLToPath(new URL('./lying-worker.ts', import.meta.url));
    const at = [mesh.lab.host.ipv4, String(authzPort)];
    const argv = [process.execPath, script, ...at, certificatePath, keyPath, lie];
    const liar = await mesh.lab.spawn({ in: hostPlace, argv, confined: false, name: 'liar' });
    await liar.waitForLine(/^lying/, 10_000);
    return liar;
  }
});

/** The certificate and key that workers serve with, out of a copy of the state folder. */
async function workerCertificate(mesh: MeshLab): Promise<{ certificatePath: string; keyPath: string }> {
  const copy = join(mesh.lab.privateDir, 'state-copy');
  cpSync(join(mesh.lab.privateDir, 'state'), copy, { recursive: true });
  const serverDnsNames = [defaultServerDnsName, authzServerName];
  const authority = await openAuthority({ stateFolder: copy, trustDomain, serverDnsNames, ports: systemPorts });
  rmSync(copy, { recursive: true });
  const leaf = authority.serverCredentials(authzServerName) ?? expect.fail('the copied state has no such certificate');
  const [certificatePath, keyPath] = [`${copy}.crt`, `${copy}.key`];
  writeFileSync(certificatePath, leaf.certificateChainPem);
  writeFileSync(keyPath, leaf.privateKeyPem.reveal(), { mode: 0o600 });
  return { certificatePath, keyPath };
}

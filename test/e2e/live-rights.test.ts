/**
 * Rights that come, go and end while they are used: the next request and the next connection know, and no sooner or
 * later than promised. With no control plane alive, ends of grants and rules are kept by Envoy and, of rules with a
 * condition, by the worker: the last test, which leaves none.
 *
 *   atelier   web ─▶ api (HTTP), db (TCP, speaks first)       notaire   web, by grant only
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadFolder } from '../../src/folder/watch-folder.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { explain } from '../../src/policy/explain.ts';
import { inLab } from './differential/in-lab.ts';
import { strangers } from './invariants.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { type Steady, type SteadyAnswer, type SteadyOptions, startSteady } from './steady.ts';

/** What is promised of a change while a control plane lives, in ms. */
const promisedMs = 1_000;
/** How long a change is looked at after it has bitten, in ms. */
const afterMs = 500;
/** Longest until a sidecar is back at a control plane that was restarted, in ms: what is promised of it. Envoy waits longer after each try. */
const resyncMs = 30_000;
const dbPort = 5_432;
const greeting = 'hello from atelier/db-0\n';
const api = 'atelier/api-0';
const own = 'atelier/web-0';
const foreign = 'notaire/web-0';

const tenant = (name: string) =>
  `apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: ${name} }\nspec: { environment: test }`;

const noDeeds = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: no-deeds, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { paths: ["/deeds/*"] } }] }
`;

const grant = (service: string, more = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ${service}, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: ${service} }, reason: reads deeds${more} }
`;

/** One path is open until the end, one closed; a condition is for the worker to judge. */
const rulesUntil = (endMs: number, condition: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ending, namespace: atelier }
spec:
  selector: { matchLabels: { app: api } }
  allow:
    - { from: { serviceAccounts: [web] }, to: { paths: ["/deeds/*"] }${until(endMs)} }
    - { from: { serviceAccounts: [web] }, to: { paths: ["/archive/*"] } }
  deny:
    - { to: { paths: ["/archive/*"] }${condition}${until(endMs)} }
`;
/** Of the worker alone: no proxy knows it. */
const byWorker = `, when: 'source.tenant == "atelier"'`;
const deeds = 'http://api.atelier/deeds/7';
const archive = 'http://api.atelier/archive/7';

const until = (endMs: number) => `, notAfter: "${new Date(endMs).toISOString()}"`;

const pod = (namespace: string, name: string, address: string, port: number) =>
  podText({ namespace, name: `${name}-0`, account: name, addresses: [address], ports: [port] });

const files = (mode: string) => ({
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] }, authorization: { mode: ${mode} } }
`,
  'mesh/objects.yaml': documents(
    tenant('atelier'),
    tenant('notaire'),
    pod('atelier', 'web', '10.99.1.1', 8_080),
    pod('atelier', 'api', '10.99.1.2', 8_080),
    pod('atelier', 'db', '10.99.1.3', dbPort),
    pod('notaire', 'web', '10.99.2.1', 8_080),
    serviceText('atelier', 'api', '10.96.1.2', 'api', 'name: http, port: 80, targetPort: 8080'),
    serviceText('atelier', 'db', '10.96.1.3', 'db', `name: tcp, port: ${dbPort}`),
  ),
});

function isServed({ status }: SteadyAnswer): boolean {
  return status === 200;
}

inLab('rights in use', () => {
  describe.each(['everyRequest', 'dynamicOnly'])('under `%s`', (authorization) => {
    let mesh: MeshLab;
    const folder = meshFolder(files(authorization));
    beforeAll(async () => {
      mesh = await MeshLab.start({
        folder,
        listen: ({ ports }) => ports.map(({ port }) => `${port === dbPort ? 'tcp' : 'http'}:${port}`),
      });
    });
    afterAll(async () => {
      expect(mesh === undefined ? [] : strangers(mesh)).toEqual([]);
      await mesh?.stop();
      removeFolder(folder);
    });

    const asking = async (
      pod: string,
      { urls = [deeds], ...options }: Partial<SteadyOptions> & { readonly urls?: readonly string[] },
      act: (steady: Steady) => Promise<void>,
    ): Promise<readonly SteadyAnswer[]> => {
      const steady = await startSteady(mesh.lab, pod, urls, { perSecond: 50, ...options });
      try {
        await act(steady);
      } finally {
        await steady.stop();
      }
      return steady.answers();
    };

    test('leaves pushed anew under traffic fail no request and end no connection', {
      timeout: 2 * resyncMs,
    }, async () => {
      const before = await leafOf(mesh);
      const answers = await asking(own, { perSecond: 100 }, async (steady) => {
        await steady.until('the first 200', isServed);
        const opened = await openedAt(mesh);
        await mesh.killControlPlane();
        forgetLeaves(mesh);
        await mesh.startControlPlane();
        await expect.poll(() => leafOf(mesh), { timeout: resyncMs }).not.toBe(before);
        await sleep(afterMs);
        expect(await openedAt(mesh)).toEqual(opened);
      });
      expect(answers.length).toBeGreaterThan(100);
      expect(answers.filter((each) => !isServed(each))).toEqual([]);
      expect(new Set(answers.map(({ connection }) => connection)).size).toBe(1);
      // And the new ones are good: a connection made now is served.
      await asking(own, {}, async (steady) => expect(isServed(await steady.until('an answer', () => true))).toBe(true));
    });

    test.each([
      ['HTTP/1.1', false],
      ['HTTP/2', true],
    ])('a policy written and withdrawn judges the next request of an open %s connection', async (_, http2) => {
      const connections = new Set<number>();
      const answers = await asking(own, { http2 }, async (steady) => {
        await steady.until('the first 200', isServed);
        for (const [act, status] of [
          [() => mesh.write('no-deeds.yaml', noDeeds), 403],
          [() => mesh.remove('no-deeds.yaml'), 200],
        ] as const) {
          act();
          const actedMs = Date.now();
          const first = await steady.until(`${status}`, (each) => each.askedMs >= actedMs && each.status === status);
          expect(first.askedMs - actedMs).toBeLessThan(promisedMs);
          await steady.until('and after it', ({ askedMs }) => askedMs > first.answeredMs + afterMs);
          const later = steady.answers().filter(({ askedMs }) => askedMs > first.answeredMs);
          expect(new Set(later.map((each) => each.status))).toEqual(new Set([status]));
        }
      });
      for (const { connection } of answers) connections.add(connection);
      expect(connections.size).toBe(1);
    });

    test.each([
      ['HTTP/1.1', false],
      ['HTTP/2', true],
    ])('a grant written opens and withdrawn closes, over %s, and disturbs no owner', async (_, http2) => {
      const arrived = () =>
        mesh
          .pod(api)
          .app.requests()
          .filter(({ headers }) => headers['user-agent'] !== undefined);
      expect(arrived()).toEqual([]);
      const owners = await asking(own, {}, async () => {
        await asking(foreign, { http2 }, async (steady) => {
          expect(steady.answers().some(isServed)).toBe(false);
          mesh.write('grant.yaml', grant('api'));
          const grantedMs = Date.now();
          const first = await steady.until('the first 200', isServed);
          expect(first.askedMs - grantedMs).toBeLessThan(promisedMs);
          mesh.remove('grant.yaml');
          const withdrawnMs = Date.now();
          const refused = await steady.until(
            'a refusal',
            (each) => each.askedMs >= withdrawnMs && each.askedMs > first.askedMs && !isServed(each),
          );
          expect(refused.askedMs - withdrawnMs).toBeLessThan(promisedMs);
          await steady.until('and after it', ({ askedMs }) => askedMs > refused.answeredMs + afterMs);
          expect(steady.answers().filter((each) => each.askedMs > refused.answeredMs && isServed(each))).toEqual([]);
        });
      });
      expect(owners.filter((each) => !isServed(each))).toEqual([]);
      expect(new Set(owners.map(({ connection }) => connection)).size).toBe(1);
    });

    test('FLT-06 with the control plane dead grants and rules end at their moment, for open connections and for new ones', async () => {
      // Long enough to be in force under load before their control plane is killed.
      const endMs = Date.now() + 9_000;
      const rules = rulesUntil(endMs, authorization === 'everyRequest' ? byWorker : '');
      mesh.write('ending.yaml', documents(grant('api', until(endMs)), grant('db', until(endMs)), rules));
      await expect.poll(() => saidTo(mesh, foreign), { timeout: 5_000 }).toBe(`${greeting}ping`);
      let owners: readonly SteadyAnswer[] = [];
      const answers = await asking(foreign, {}, async (steady) => {
        await steady.until('the first 200', isServed);
        owners = await asking(own, { urls: [deeds, archive] }, async (owner) => {
          await owner.until(
            'a refusal of the archive',
            ({ path, status }) => path.startsWith('/archive') && status === 403,
          );
          await mesh.killControlPlane();
          expect(Date.now()).toBeLessThan(endMs);
          await owner.until('the end', ({ askedMs }) => askedMs > endMs + promisedMs);
        });
        await steady.until('the end', ({ askedMs }) => askedMs > endMs + promisedMs);
      });
      // What a rule let in is refused from its end on, and what one refused is let in.
      for (const [url, before, after] of [
        [deeds, 200, 403],
        [archive, 403, 200],
      ] as const) {
        const mine = owners.filter(({ path }) => url.endsWith(path));
        const last = mine.filter(({ askedMs, answeredMs }) => askedMs > endMs - 500 && answeredMs < endMs);
        const over = mine.filter(({ askedMs }) => askedMs >= endMs);
        expect(Math.min(last.length, over.length)).toBeGreaterThan(5);
        expect(new Set(last.map(({ status }) => status))).toEqual(new Set([before]));
        expect(new Set(over.map(({ status }) => status))).toEqual(new Set([after]));
      }
      // And whoever asks is told so, by the folder alone.
      const snapshot = buildSnapshot((await loadFolder(mesh.folder)).objects);
      const question = { from: 'atelier/web', to: { kind: 'service', service: 'atelier/api' } } as const;
      const why = explain(snapshot, { ...question, request: { method: 'GET', path: '/deeds/7' } }, Date.now());
      expect(why).toMatchObject({
        judgements: [
          { reason: 'rule-expired', sentence: expect.stringMatching(/ending\/allow\/0.*ending\.yaml:\d+.*has ended/) },
        ],
      });
      const killed = answers.filter(({ answeredMs }) => answeredMs > endMs - 500);
      expect(killed.filter((each) => each.answeredMs < endMs && !isServed(each))).toEqual([]);
      const over = answers.filter(({ askedMs }) => askedMs >= endMs);
      expect(over.length).toBeGreaterThan(10);
      expect(new Set(over.map(({ status }) => status))).toEqual(new Set([403]));
      expect(new Set(killed.map(({ connection }) => connection)).size).toBe(1);

      // Envoy judges the end of a TCP grant at the first byte of its caller: none is carried, but who speaks first is heard.
      expect(await saidTo(mesh, own)).toBe(`${greeting}ping`);
      expect(await saidTo(mesh, foreign)).not.toContain('ping');
    });
  });
});

/** What a program reads of the database that says `ping` after the greeting: everything until the echo or the end. */
async function saidTo(mesh: MeshLab, pod: string): Promise<string> {
  const argv = ['python3', '-c', ping, 'db.atelier', String(dbPort)];
  return (await mesh.lab.run({ in: pod, argv, confined: true, timeoutMs: 15_000 })).stdout;
}

const ping = `
import socket, sys
host, port = sys.argv[1:]
said = b''
try:
    s = socket.create_connection((host, int(port)), 2)
    s.settimeout(2)
    said += s.recv(1024)
    s.sendall(b'ping')
    while not said.endswith(b'ping') and (more := s.recv(1024)): said += more
except OSError:
    pass
print(said.decode(), end='')
`;

/** Serial number of the certificate that the API's sidecar serves. */
async function leafOf(mesh: MeshLab): Promise<string> {
  const { certificates } = JSON.parse(await mesh.sidecar(api).admin('/certs')) as {
    readonly certificates: readonly { readonly cert_chain?: readonly { readonly serial_number: string }[] }[];
  };
  const [leaf] = certificates.flatMap(({ cert_chain: chain = [] }) => chain);
  return leaf?.serial_number ?? expect.fail('the sidecar serves no certificate');
}

/** Connections that the API's sidecar has taken since its start, by listener and chain. */
async function openedAt(mesh: MeshLab): Promise<Record<string, number>> {
  const stats = await mesh.sidecar(api).stats('listener.[__]_15006.');
  const opened = [...stats].filter(([name]) => /downstream_cx_(total|active|destroy)$/.test(name));
  expect(opened).not.toEqual([]);
  return Object.fromEntries(opened);
}

/** Of all workloads: the next control plane issues each anew. */
function forgetLeaves(mesh: MeshLab): void {
  const leaves = join(mesh.lab.privateDir, 'state', 'leaves');
  const files = readdirSync(leaves, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sealed'));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) rmSync(join(leaves, file));
}

/**
 * An opaque TCP port that speaks first: who is not let in reads not one byte, and the application never hears of him.
 *
 *   atelier   web, batch ─▶ db (5432)       notaire, greffe: other tenants       the application's log is the judge
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { inLab } from './differential/in-lab.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { greetingOf, hold, markedTls } from './tcp-dial.ts';

const dbPort = 5_432;
const undeclaredPort = 6_000;
const greeting = 'hello from atelier/db-0\n';

const tenant = (name: string, more = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: prod${more} }
`;

const policy = (accounts: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: db, namespace: atelier }
spec: { selector: { matchLabels: { app: db } }, allow: [{ from: { serviceAccounts: [${accounts}] } }] }
`;

const grant = (caller: string, more = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-${caller}, namespace: atelier }
spec: { from: { tenant: ${caller} }, to: { service: db }, reason: shares the register${more} }
`;

const client = (namespace: string, name: string, ...addresses: readonly string[]) =>
  podText({ namespace, name: `${name}-0`, account: name, addresses, ports: [8_080] });

const files = {
  'tenants.yaml': documents(tenant('atelier', ', sealedServices: [vault]'), tenant('notaire'), tenant('greffe')),
  'pods.yaml': documents(
    podText({
      namespace: 'atelier',
      name: 'db-0',
      account: 'db',
      addresses: ['10.99.1.3', 'fd99::1:3'],
      ports: [dbPort, undeclaredPort],
    }),
    client('atelier', 'web', '10.99.1.1', 'fd99::1:1'),
    client('atelier', 'batch', '10.99.1.2'),
    client('notaire', 'web', '10.99.2.1'),
    client('greffe', 'web', '10.99.3.1'),
  ),
  'services.yaml': documents(
    serviceText('atelier', 'db', '10.96.1.3', 'db', `name: tcp, port: ${dbPort}`),
    serviceText('atelier', 'db-pods', 'None', 'db', `name: tcp, port: ${dbPort}`),
    serviceText('atelier', 'replicas', 'None', 'db', `name: tcp, port: ${dbPort}`),
    serviceText('atelier', 'vault', '10.96.1.4', 'db', `name: tcp, port: ${dbPort}`),
  ),
  'policy.yaml': policy('web'),
  'grants.yaml': grant('greffe'),
};

inLab('the wall of an opaque TCP port', () => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({
      folder,
      listen: ({ ports }) => ports.map(({ port }) => `${port === 8_080 ? 'http' : 'tcp'}:${port}`),
    });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const arrived = () => mesh.pod('atelier/db-0').app.connections().length;
  const greets = (pod: string, host = 'db.atelier') => greetingOf(mesh.lab, pod, host, dbPort);

  /** Nobody arrived meanwhile: connections are accepted in order, so a friend's would come after a stranger's. */
  const expectNobodyArrives = async (attempt: () => Promise<unknown>) => {
    const before = arrived();
    expect(await attempt()).toBe('');
    expect(await greets('atelier/web-0')).toBe(greeting);
    expect(arrived()).toBe(before + 1);
  };

  test('an allowed peer reads the greeting, by the service and by the pod', async () => {
    expect(await greets('atelier/web-0')).toBe(greeting);
    expect(await greets('atelier/web-0', 'db-0.db-pods.atelier')).toBe(greeting);
    expect(await greets('atelier/web-0', 'fd99::1:3')).toBe(greeting);
    expect(await greets('greffe/web-0')).toBe(greeting);
  });

  test('a peer of the own tenant that no rule allows reads nothing', () =>
    expectNobodyArrives(() => greets('atelier/batch-0')));

  test('another tenant finds no way', () => expectNobodyArrives(() => greets('notaire/web-0', '10.96.1.3')));

  test.each(['atelier', 'notaire', 'greffe'])(
    'another tenant with its real certificate, past its sidecar, naming %s, reads nothing',
    async (named) => {
      const { certificatePath, keyPath } = await leafOf(mesh, 'notaire');
      const target = { address: '10.99.1.3', port: dbPort, sni: `${named}.mesh.coffre`, certificatePath, keyPath };
      await expectNobodyArrives(() => markedTls(mesh.lab, 'notaire/web-0', target));
    },
  );

  test('the same certificate of an allowed tenant does pass there, so the attempt above was a real one', async () => {
    const { certificatePath, keyPath } = await leafOf(mesh, 'greffe');
    const target = { address: '10.99.1.3', port: dbPort, sni: 'greffe.mesh.coffre', certificatePath, keyPath };
    expect(await markedTls(mesh.lab, 'greffe/web-0', target)).toBe(greeting);
  });

  test('an undeclared port of the same pod is closed to its friends', () =>
    expectNobodyArrives(() => greetingOf(mesh.lab, 'atelier/web-0', '10.99.1.3', undeclaredPort)));

  test('a policy change bites the next connection and ends nobody else’s', async () => {
    const [own, other] = await Promise.all([
      hold(mesh.lab, 'atelier/web-0', 'db.atelier', dbPort),
      hold(mesh.lab, 'greffe/web-0', 'db.atelier', dbPort),
    ]);
    mesh.write('policy.yaml', policy('web, batch'));
    await expect.poll(() => greets('atelier/batch-0'), { timeout: 5_000, interval: 50 }).toBe(greeting);
    const writtenMs = Date.now();
    mesh.write('policy.yaml', policy('web'));
    let lastGreetedMs = writtenMs;
    for (let asked = Date.now(); (await greets('atelier/batch-0')) !== ''; asked = Date.now()) lastGreetedMs = asked;
    expect(lastGreetedMs - writtenMs).toBeLessThan(1_000);
    for (const held of [own, other]) await expectAlive(held);
    await Promise.all([own.kill('SIGKILL'), other.kill('SIGKILL')]);
  });

  test('a grant withdrawn ends its connections, and no other', async () => {
    mesh.write('notaire-grant.yaml', grant('notaire'));
    await expect.poll(() => greets('notaire/web-0'), { timeout: 10_000 }).toBe(greeting);
    const own = await hold(mesh.lab, 'atelier/web-0', 'db.atelier', dbPort);
    const third = await hold(mesh.lab, 'greffe/web-0', 'db.atelier', dbPort);
    const granted = await hold(mesh.lab, 'notaire/web-0', 'db.atelier', dbPort);
    const withdrawnMs = Date.now();
    mesh.remove('notaire-grant.yaml');
    const endedMs = await endOf(granted);
    expect(endedMs - withdrawnMs).toBeLessThan(2_000);
    for (const held of [own, third]) await expectAlive(held);
    await Promise.all([own.kill('SIGKILL'), third.kill('SIGKILL')]);
    await expectNobodyArrives(() => greets('notaire/web-0', '10.96.1.3'));
  });

  test('a grant ends at its `notAfter`, for new connections and established ones', async () => {
    const endMs = Date.now() + 6_000;
    mesh.write('notaire-grant.yaml', grant('notaire', `, notAfter: "${new Date(endMs).toISOString()}"`));
    await expect.poll(() => greets('notaire/web-0'), { timeout: 5_000 }).toBe(greeting);
    const granted = await hold(mesh.lab, 'notaire/web-0', 'db.atelier', dbPort);
    const endedMs = await endOf(granted);
    expect(endedMs).toBeGreaterThanOrEqual(endMs);
    expect(endedMs - endMs).toBeLessThan(2_000);
    await expectNobodyArrives(() => greets('notaire/web-0', '10.96.1.3'));
    mesh.remove('notaire-grant.yaml');
  });

  test('a sealed service is opened by no grant', async () => {
    mesh.write('sealed.yaml', grant('notaire').replace('service: db', 'service: vault'));
    await expect.poll(() => mesh.controlPlaneLog()).toContain('"code":"sealed-service"');
    await expectNobodyArrives(() => greets('notaire/web-0', '10.96.1.4'));
    mesh.remove('sealed.yaml');
  });
});

/** Time between two looks at a held connection, in ms: several echoes long. */
const lookMs = 300;

async function expectAlive(held: LabProcess): Promise<void> {
  const echoes = () => readFileSync(held.stdoutPath, 'utf8').split('\n').length;
  const before = echoes();
  await expect.poll(echoes, { timeout: 5_000, interval: lookMs }).toBeGreaterThan(before + 2);
  expect(readFileSync(held.stdoutPath, 'utf8')).not.toContain('ended');
}

/** @returns epoch ms at which the connection was over, by the holder's own clock. */
async function endOf(held: LabProcess): Promise<number> {
  const line = await held.waitForLine(/^ended/, 20_000);
  return Number(line.split(' ')[1]) * 1_000;
}

/** The real leaf and key of a workload, out of a copy of the state folder, as files that a thief would have. */
async function leafOf(mesh: MeshLab, tenant: string): Promise<{ certificatePath: string; keyPath: string }> {
  const copy = join(mesh.lab.privateDir, `state-of-${tenant}`);
  cpSync(join(mesh.lab.privateDir, 'state'), copy, { recursive: true });
  const authority = await openAuthority({ stateFolder: copy, trustDomain, ports: systemPorts });
  const spiffeId = `spiffe://${trustDomain}/ns/${tenant}/sa/web`;
  await authority.ensure({ tenants: [], spiffeIds: [spiffeId], leafLifetimeMs: 24 * 3_600_000 });
  const leaf = authority.leaf(spiffeId);
  if (leaf === undefined) throw new Error(`the copied state has no leaf for \`${spiffeId}\``);
  const [certificatePath, keyPath] = [`${copy}.crt`, `${copy}.key`];
  writeFileSync(certificatePath, leaf.certificateChainPem);
  writeFileSync(keyPath, leaf.privateKeyPem.reveal());
  return { certificatePath, keyPath };
}

/**
 * Explicit capture on this machine's loopback: no namespaces, no privileges, real Envoys; the same walls at every socket.
 *
 *   atelier   web, batch ─▶ api (HTTP), db (TCP, speaks first)        notaire   web        what arrived is the judge
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startLab } from '../../src/lab/lab.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import type { AddressBookEntry } from '../../src/policy/address-book.ts';
import { labTestMs } from '../lab/each-mode.ts';
import { tracesOf } from '../lab/traces.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { greetingOf } from './tcp-dial.ts';

const apiPort = 8_080;
const undeclaredPort = 8_090;
const dbPort = 5_432;
const greeting = 'hello from atelier/db-0\n';
/** Longest wait for an edit to be felt, in ms: of a loaded machine, not of a measurement. */
const feltMs = 10_000;
/** curl's exit codes: nobody listens there; the other side closed without a byte. */
const refused = 7;
const closed = [52, 56];

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: prod }
`;

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: documents, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api, paths: [/documents/*] }, reason: reads documents }
`;

const policies = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: db, namespace: atelier }
spec: { selector: { matchLabels: { app: db } }, allow: [{ from: { serviceAccounts: [web] } }] }
---
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: api, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { paths: [/admin/*] } }] }
`;

const pod = (namespace: string, account: string, address: string, ...ports: readonly number[]) =>
  podText({ namespace, name: `${account}-0`, account, addresses: [address], ports });

const files = {
  'tenants.yaml': documents(tenant('atelier'), tenant('notaire')),
  'pods.yaml': documents(
    pod('atelier', 'api', '10.99.1.2', apiPort, undeclaredPort),
    pod('atelier', 'db', '10.99.1.3', dbPort),
    pod('atelier', 'web', '10.99.1.1', apiPort),
    pod('atelier', 'batch', '10.99.1.4', apiPort),
    pod('notaire', 'web', '10.99.2.1', apiPort),
  ),
  'services.yaml': documents(
    serviceText('atelier', 'api', '10.96.1.2', 'api', `name: http, port: 80, targetPort: ${apiPort}`),
    serviceText('atelier', 'db', '10.96.1.3', 'db', `name: tcp, port: ${dbPort}`),
  ),
  'policies.yaml': policies,
};

describe('a mesh on loopback', { timeout: labTestMs }, () => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    const listen = ({ ports }: { ports: readonly { port: number }[] }) =>
      ports.map(({ port }) => `${port === dbPort ? 'tcp' : 'http'}:${port}`);
    mesh = await MeshLab.start({ mode: 'loopback', folder, listen });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const curl = (from: string, url: string) =>
    mesh.lab.run({
      in: from,
      argv: ['curl', '-s', '-m', '5', '-w', '%{http_code}', url],
      confined: true,
      timeoutMs: 15_000,
    });
  const statusOf = async (from: string, url: string) => Number((await curl(from, url)).stdout.slice(-3));
  const book = (key: string): readonly AddressBookEntry[] =>
    JSON.parse(readFileSync(join(mesh.lab.privateDir, 'w', key, 'services.json'), 'utf8'));
  const addressFor = (key: string, name: string): string => {
    const entry = book(key).find(({ names }) => names.includes(name));
    if (entry === undefined) throw new Error(`\`${key}\` has no address for \`${name}\``);
    return entry.address;
  };
  const arrivedAt = (key: string) => mesh.pod(key).app.sightings().length;
  const addressOf = (key: string) => mesh.pod(key).addresses[0] ?? '';

  test('a caller of the same tenant is answered over mutual TLS, and the application is told who it was', async () => {
    expect(await statusOf('atelier/web-0', 'http://api/documents/1')).toBe(200);
    const seen = mesh.pod('atelier/api-0').app.requests().at(-1);
    expect(seen?.headers['x-forwarded-client-cert']).toMatch(
      new RegExp(`URI=spiffe://${trustDomain}/ns/atelier/sa/web$`),
    );
    const prefix = `listener.${addressOf('atelier/api-0')}_${apiPort}.ssl.versions.`;
    expect([...(await mesh.sidecar('atelier/api-0').stats(prefix)).keys()]).toEqual([`${prefix}TLSv1.3`]);
  });

  test('plaintext at the workload’s own port gets no byte, and the application hears nothing', async () => {
    const before = arrivedAt('atelier/api-0');
    const { code, stdout } = await curl('notaire/web-0', `http://${addressOf('atelier/api-0')}:${apiPort}/documents/1`);
    expect(closed).toContain(code);
    expect(stdout).toBe('000');
    expect(arrivedAt('atelier/api-0')).toBe(before);
  });

  test('a port that the application listens on and no service declares has no listener', async () => {
    const { applicationAddress } = mesh.pod('atelier/api-0');
    expect(await statusOf('atelier/api-0', `http://${applicationAddress}:${undeclaredPort}/`)).toBe(200);
    const { code } = await curl('atelier/web-0', `http://${addressOf('atelier/api-0')}:${undeclaredPort}/`);
    expect(code).toBe(refused);
  });

  test('a rule denies with 403 and a decision id, and the application hears nothing', async () => {
    const before = arrivedAt('atelier/api-0');
    expect(await statusOf('atelier/web-0', 'http://api/admin')).toBe(403);
    expect(arrivedAt('atelier/api-0')).toBe(before);
  });

  test('another tenant has no address to dial until it is granted one, and none when that is over', async () => {
    const url = 'http://api.atelier/documents/1';
    expect(await statusOf('notaire/web-0', url)).toBe(0);
    expect(book('notaire/web-0')).toEqual([]);
    mesh.write('grant.yaml', grant);
    await expect.poll(() => statusOf('notaire/web-0', url), { timeout: feltMs }).toBe(200);
    const [{ address = '', port = 0 } = {}] = book('notaire/web-0');
    expect(await statusOf('notaire/web-0', `http://${address}:${port}/ledger`)).toBe(403);
    mesh.remove('grant.yaml');
    await expect
      .poll(() => statusOf('notaire/web-0', `http://${address}:${port}/documents/1`), { timeout: feltMs })
      .toBe(0);
    await expect.poll(() => book('notaire/web-0'), { timeout: feltMs }).toEqual([]);
  });

  test('a TCP peer that is let in is greeted; one that is not reads no byte, and nobody arrives', async () => {
    const before = arrivedAt('atelier/db-0');
    const stranger = addressFor('atelier/batch-0', 'db');
    expect(await greetingOf(mesh.lab, 'atelier/batch-0', stranger, dbPort)).toBe('');
    expect(arrivedAt('atelier/db-0')).toBe(before);
    const friend = addressFor('atelier/web-0', 'db');
    expect(friend).not.toBe(stranger);
    expect(await greetingOf(mesh.lab, 'atelier/web-0', friend, dbPort)).toBe(greeting);
    expect(arrivedAt('atelier/db-0')).toBe(before + 1);
  });

  test('an address that two claim is told with its line, and what else was said goes on', async () => {
    const clash = pod('atelier', 'clash', '10.99.1.9', apiPort);
    mesh.write('clash.yaml', documents(clash, pod('notaire', 'clash', '10.99.1.9', apiPort)));
    await expect
      .poll(() => mesh.controlPlaneLog(), { timeout: feltMs })
      .toMatch(/clash\.yaml:\d+: status\.podIPs\[0\]\.ip: /);
    expect(await statusOf('atelier/web-0', 'http://api/documents/1')).toBe(200);
    mesh.remove('clash.yaml');
  });

  test('without its control plane everything goes on, also on new connections', async () => {
    await mesh.killControlPlane();
    expect(await statusOf('atelier/web-0', 'http://api/documents/1')).toBe(200);
    expect(await statusOf('atelier/web-0', 'http://api/admin')).toBe(403);
    expect(await greetingOf(mesh.lab, 'atelier/web-0', addressFor('atelier/web-0', 'db'), dbPort)).toBe(greeting);
  });
});

describe('a lab on loopback', { timeout: labTestMs }, () => {
  const owners: { kill(signal: 'SIGKILL'): unknown }[] = [];
  afterEach(() => {
    for (const owner of owners.splice(0)) owner.kill('SIGKILL');
  });

  test('has addresses of its own beside another', async () => {
    const labs = [await startLab({ mode: 'loopback' }), await startLab({ mode: 'loopback' })];
    try {
      expect(new Set(labs.map(({ host }) => host.ipv4)).size).toBe(2);
    } finally {
      await Promise.all(labs.map((lab) => lab.stop()));
    }
  });

  test('leaves no process and no directory when its owner is killed', async () => {
    const script = fileURLToPath(new URL('../lab/owner.ts', import.meta.url));
    const owner = spawn(process.execPath, [script, 'loopback'], { stdio: ['ignore', 'pipe', 'inherit'] });
    owners.push(owner);
    const [line = ''] = await createInterface(owner.stdout)
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [String(value)]);
    const { dir }: { dir: string } = JSON.parse(line);
    expect(tracesOf(dir).length).toBeGreaterThan(1);
    owner.kill('SIGKILL');
    await expect.poll(() => [tracesOf(dir), existsSync(dir)], { timeout: feltMs }).toEqual([[], false]);
  });

  test('takes its processes along when its agent is killed, those too that it has only just started', async () => {
    const lab = await startLab({ mode: 'loopback' });
    try {
      const spawn = () => lab.spawn({ in: 'host', argv: ['sleep', '600'], confined: true, name: 'sleeper' });
      const sleepers = () => tracesOf(lab.dir).filter(({ command }) => command.includes('sleep 600'));
      await spawn();
      await expect.poll(() => sleepers().map(({ command }) => command), { timeout: feltMs }).toEqual(['sleep 600 ']);
      await Promise.all(Array.from({ length: 8 }, spawn));
      process.kill(lab.pid, 'SIGKILL');
      await expect.poll(sleepers, { timeout: feltMs }).toEqual([]);
    } finally {
      await lab.stop();
    }
  });
});

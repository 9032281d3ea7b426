/**
 * Certificates change under traffic, and nobody notices: every leaf renewed, a tenant's CA replaced, a rotation aborted.
 *
 *   atelier/web ──100 requests a second, and one long TCP connection──▶ atelier/api ◀──40 a second over a grant── notaire/web
 *
 * What the sidecars hold is asked of the sidecars, and what they refuse is tried with the old leaf itself.
 */
import { X509Certificate } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, type Door } from '../../src/admin/management-client.ts';
import type { RotationView } from '../../src/controller/rotations.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { inLab } from './differential/in-lab.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import type { SteadyAnswer } from './steady-traffic.ts';
import { greetingOf, hold, markedTls } from './tcp-dial.ts';

const [httpPort, tcpPort] = [8_080, 5_432];
const greeting = 'hello from atelier/api-0\n';
/** Longest a rotation of this mesh may take, in ms: a second, and the backoff of a sidecar that reconnects. */
const rotationMs = 45_000;
/** Longest of the tests here, in ms: traffic on a loaded machine. */
const trafficTestMs = 90_000;

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: prod }
`;

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-notaire, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: reads documents }
`;

const pod = (namespace: string, account: string, address: string, ...ports: readonly number[]) =>
  podText({ namespace, name: `${account}-0`, account, addresses: [address], ports });

const world = documents(
  tenant('atelier'),
  tenant('notaire'),
  pod('atelier', 'web', '10.99.1.1', httpPort),
  pod('atelier', 'api', '10.99.1.2', httpPort, tcpPort),
  pod('notaire', 'web', '10.99.2.1', httpPort),
  pod('notaire', 'idle', '10.99.2.2', httpPort),
  serviceText('atelier', 'api', '10.96.1.2', 'api', `name: http, port: 80, targetPort: ${httpPort}`),
  serviceText('atelier', 'db', '10.96.1.3', 'api', `name: tcp, port: ${tcpPort}`),
  grant,
);
const accounts = ['atelier/web', 'atelier/api', 'notaire/web', 'notaire/idle'] as const;

inLab('certificates under traffic', () => {
  let mesh: MeshLab;
  let door: Door;
  let held: LabProcess;
  const clients: LabProcess[] = [];
  const folder = meshFolder({ 'world.yaml': world });

  beforeAll(async () => {
    mesh = await MeshLab.start({
      folder,
      listen: ({ ports }) => ports.map(({ port }) => `${port === tcpPort ? 'tcp' : 'http'}:${port}`),
    });
    door = { kind: 'socket', path: join(state(), 'admin.sock') };
    held = await hold(mesh.lab, 'atelier/web-0', 'db.atelier', tcpPort);
    clients.push(await steady('atelier/web-0', 20), await steady('notaire/web-0', 50));
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const state = () => join(mesh.lab.privateDir, 'state');

  async function steady(from: string, periodMs: number): Promise<LabProcess> {
    const script = join(import.meta.dirname, 'steady-traffic.ts');
    const argv = [process.execPath, script, 'http://api.atelier/documents/3', String(periodMs)];
    const client = await mesh.lab.spawn({ in: from, argv, confined: true, name: `${from}.steady` });
    await client.waitForLine(/"outcome":200/, 10_000);
    return client;
  }

  /** Answers of each client since a count of lines, so that each test judges its own time. */
  const linesOf = (process: LabProcess) => readFileSync(process.stdoutPath, 'utf8').split('\n').slice(0, -1);

  /** Does something under traffic. Every request meanwhile, and for a moment after, was answered with 200. */
  async function unnoticed(work: () => Promise<void>): Promise<void> {
    const before = clients.map((client) => linesOf(client).length);
    const answers = () =>
      clients.map((client, index) =>
        linesOf(client)
          .slice(before[index])
          .map((line): SteadyAnswer => JSON.parse(line)),
      );
    await work();
    const during = answers().map(({ length }) => length);
    await expect
      .poll(() => answers().every(({ length }, index) => length >= (during[index] ?? 0) + 50), { timeout: 20_000 })
      .toBe(true);
    for (const each of answers()) {
      expect(each.filter(({ outcome }) => outcome !== 200)).toEqual([]);
      expect(new Set(each.map(({ client }) => client))).toEqual(new Set(['kept', 'new']));
    }
    expect(readFileSync(held.stdoutPath, 'utf8')).not.toContain('ended');
  }

  async function rotate(tenantName: string, abort = false): Promise<void> {
    const asked = await ask(door, 'rotateIntermediate', { tenant: tenantName, abort });
    expect(asked).toMatchObject({ kind: 'answered' });
  }

  async function rotations(): Promise<readonly RotationView[]> {
    const asked = await ask(door, 'rotations', {});
    if (asked.kind !== 'answered') throw new Error(`the control plane does not tell of rotations: ${asked.kind}`);
    return asked.value;
  }

  const ended = () => expect.poll(async () => (await rotations()).length, { timeout: rotationMs }).toBe(0);

  test('every leaf of the mesh is renewed at once, and no request fails', { timeout: trafficTestMs }, async () => {
    const before = await Promise.all(accounts.map((account) => leafSerial(`${account}-0`)));
    await unnoticed(async () => {
      await mesh.killControlPlane();
      rmSync(join(state(), 'leaves'), { recursive: true });
      await mesh.startControlPlane();
      for (const [index, account] of accounts.entries()) {
        await expect.poll(() => leafSerial(`${account}-0`), { timeout: rotationMs }).not.toBe(before[index]);
      }
    });
    const renewed = readdirSync(join(state(), 'leaves'), { recursive: true, encoding: 'utf8' });
    // The last is the control plane's own, as the client that looks into proxies.
    const names = [...accounts, 'coffre-system/coffre'].map((account) => `${account}.sealed`);
    expect(renewed.filter((file) => file.endsWith('.sealed')).sort()).toEqual(names.sort());
  });

  test('a tenant’s CA is replaced, and no request fails', { timeout: trafficTestMs }, async () => {
    const old = await stolen('before');
    const target = { address: '10.99.1.2', port: tcpPort, sni: 'atelier.mesh.coffre', ...old };
    expect(await markedTls(mesh.lab, 'atelier/web-0', target)).toBe(greeting);

    await unnoticed(async () => {
      await rotate('atelier');
      await ended();
    });

    const now = await stolen('after');
    expect(now.caSerial).not.toBe(old.caSerial);
    const stepsDone = mesh.controlPlaneLog().match(/"step":"\w+","aborted":false.*"rotation step done"/g) ?? [];
    expect(stepsDone.map((line) => /"step":"(\w+)"/.exec(line)?.[1])).toEqual(['trusted', 'used', 'dropped']);
    for (const account of accounts) {
      const trusted = (await certificatesOf(`${account}-0`)).flatMap(({ ca_cert }) => ca_cert ?? []);
      const serials = new Set(trusted.map(({ serial_number }) => serial_number));
      expect({ account, old: serials.has(old.caSerial) }).toEqual({ account, old: false });
      expect({ account, now: serials.has(now.caSerial) }).toEqual({ account, now: true });
    }
    expect(await markedTls(mesh.lab, 'atelier/web-0', target)).toBe('');
    expect(await markedTls(mesh.lab, 'atelier/web-0', { ...target, ...now })).toBe(greeting);
    expect(await greetingOf(mesh.lab, 'atelier/web-0', 'db.atelier', tcpPort)).toBe(greeting);
  });

  test('a proxy that answers nothing holds a rotation back by name, and its abort goes unnoticed too', {
    timeout: trafficTestMs,
  }, async () => {
    const trusted = async () =>
      (await certificatesOf('atelier/api-0')).flatMap(({ ca_cert }) => ca_cert ?? []).map((ca) => ca.serial_number);
    const before = new Set(await trusted());
    const { process: idle } = mesh.sidecar('notaire/idle-0');
    await unnoticed(async () => {
      await idle.kill('SIGSTOP');
      await rotate('atelier');
      await expect
        .poll(rotations, { timeout: rotationMs })
        .toMatchObject([{ step: 'trusted', holdouts: [{ workload: 'notaire/idle-0', why: { kind: 'unanswered' } }] }]);
      await mesh.killControlPlane(); // and a restart neither forgets the step nor takes it for done
      await mesh.startControlPlane();
      expect(await rotations()).toMatchObject([{ tenant: 'atelier', step: 'trusted', aborted: false }]);
      await rotate('atelier', true);
      await idle.kill('SIGCONT');
      await ended();
    });
    expect(new Set(await trusted())).toEqual(before);
    expect(await greetingOf(mesh.lab, 'atelier/web-0', 'db.atelier', tcpPort)).toBe(greeting);
  });

  interface ShownCertificate {
    readonly serial_number: string;
  }

  async function certificatesOf(
    key: string,
  ): Promise<
    readonly { readonly ca_cert?: readonly ShownCertificate[]; readonly cert_chain?: readonly ShownCertificate[] }[]
  > {
    return JSON.parse(await mesh.sidecar(key).admin('/certs')).certificates;
  }

  /** Of the leaf that a sidecar serves, as Envoy's admin interface shows it. */
  async function leafSerial(key: string): Promise<string> {
    const chains = (await certificatesOf(key)).flatMap(({ cert_chain }) => cert_chain ?? []);
    return chains[0]?.serial_number ?? '';
  }

  /** The real leaf of atelier's web and its CA, out of a copy of the state folder, as files that a thief would have. */
  async function stolen(name: string): Promise<{ certificatePath: string; keyPath: string; caSerial: string }> {
    const copy = join(mesh.lab.privateDir, `state-${name}`);
    cpSync(state(), copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const authority = await openAuthority({ stateFolder: copy, trustDomain, ports: systemPorts });
    const spiffeId = `spiffe://${trustDomain}/ns/atelier/sa/web`;
    await authority.ensure({ tenants: [], spiffeIds: [spiffeId], leafLifetimeMs: 24 * 3_600_000 });
    const [leaf, bundle] = [authority.leaf(spiffeId), authority.bundlePem('atelier')];
    if (leaf === undefined || bundle === undefined) throw new Error('the copied state has no leaf for atelier’s web');
    const [certificatePath, keyPath] = [`${copy}.crt`, `${copy}.key`];
    writeFileSync(certificatePath, leaf.certificateChainPem);
    writeFileSync(keyPath, leaf.privateKeyPem.reveal());
    return { certificatePath, keyPath, caSerial: new X509Certificate(bundle).serialNumber.toLowerCase() };
  }
});

/**
 * The ways out of the mesh: a declared name is reached under its own certificate, and nothing else is reached at all.
 *
 *   atelier/web ──▶ sidecar ──DNS──▶ lab resolver      sidecar ──TLS──▶ 203.0.113.10 (a service outside, on the lab host)
 *
 * The resolver's table is rewritten while all runs; the services' own logs and the wire are the judges.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AppProcess, startApp } from '../../src/lab/app-process.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { createTestAuthority, type TestAuthority } from '../authz/support/pki.ts';
import { inLab } from './differential/in-lab.ts';
import { documents, meshFolder, podText, removeFolder } from './mesh-folder.ts';
import { greetingOf } from './tcp-dial.ts';

/** Documentation ranges (RFC 5737), public as far as any rule knows. */
const outside = { bank: '203.0.113.10', impostor: '203.0.113.11' };
const httpsPort = 8_443;
const tlsPort = 5_433;

const names = {
  bank: 'api.bank.test',
  impostor: 'api.impostor.test',
  rebound: 'rebound.bank.test',
  undeclared: 'other.bank.test',
  far: 'api.far.test',
} as const;

type Name = (typeof names)[keyof typeof names];

inLab('the ways out of the mesh', () => {
  let mesh: MeshLab;
  let bank: AppProcess;
  let impostor: AppProcess;
  let victim: AppProcess;
  let tablePath = '';
  let folder = '';

  const resolveTo = (addresses: Partial<Record<Name, readonly string[]>>) =>
    writeFileSync(
      tablePath,
      JSON.stringify({
        [names.bank]: [outside.bank],
        [names.impostor]: [outside.impostor],
        [names.rebound]: [outside.bank],
        [names.undeclared]: [outside.bank],
        [names.far]: [outside.bank],
        ...addresses,
      }),
    );

  beforeAll(async () => {
    const authority = await createTestAuthority();
    folder = meshFolder({
      'tenant.yaml': tenantText(authority),
      'pods.yaml': documents(
        podText({
          namespace: 'atelier',
          name: 'web-0',
          account: 'web',
          addresses: ['10.99.1.1', 'fd99::1:1'],
          ports: [],
        }),
      ),
    });
    mesh = await MeshLab.start({ folder, prepare: startResolver });
    const { lab } = mesh;
    bank = await startOutside('bank', [names.bank, names.rebound]);
    impostor = await startOutside('impostor', [names.bank]);
    // What a rebound name would lead to: TLS with the right certificate, at an address of the pod network.
    victim = await startOutside('victim', [names.rebound], lab.host.ipv4);

    async function startOutside(service: string, certified: readonly Name[], host = outside[service as 'bank']) {
      const { certificatePem, keyPem } = await authority.issue(
        ...certified.map((value) => ({ type: 'dns' as const, value })),
      );
      const [certPath, keyPath] = [join(lab.dir, `${service}.crt`), join(lab.dir, `${service}.key`)];
      writeFileSync(certPath, certificatePem);
      writeFileSync(keyPath, keyPem);
      const listen = [`https:${httpsPort}`, `tls:${tlsPort}`];
      return startApp(lab, hostPlace, { service, host, listen, tls: { certPath, keyPath } });
    }
  });
  /** Also gives the lab host the addresses of the services outside. */
  async function startResolver(lab: Lab): Promise<void> {
    tablePath = join(lab.dir, 'names.json');
    resolveTo({});
    for (const address of Object.values(outside)) {
      const argv = ['ip', 'addr', 'add', `${address}/32`, 'dev', 'lo'];
      await lab.run({ in: hostPlace, argv, confined: false, timeoutMs: 5_000 });
    }
    const script = fileURLToPath(new URL('../../src/lab/dns.ts', import.meta.url));
    const argv = [process.execPath, script, '--address', lab.host.ipv4, '--table', tablePath];
    const dns = await lab.spawn({ in: hostPlace, argv, confined: false, name: 'dns' });
    await dns.waitForLine(/^ready$/, 10_000);
  }

  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const curl = async (...args: readonly string[]) => {
    const argv = [
      'curl',
      '--silent',
      '--max-time',
      '8',
      '--write-out',
      '%{http_code}',
      '--output',
      '/dev/null',
      ...args,
    ];
    return (await mesh.lab.run({ in: 'atelier/web-0', argv, confined: true, timeoutMs: 20_000 })).stdout;
  };
  const untilAnswered = (url: string) => expect.poll(() => curl(url), { timeout: 20_000, interval: 200 }).toBe('200');

  test('a declared service answers plain HTTP through TLS under its own name', async () => {
    await untilAnswered(`http://${names.bank}:${httpsPort}/balance`);
    const [request] = bank.requests().filter(({ path }) => path === '/balance');
    expect(request?.headers['host']).toBe(`${names.bank}:${httpsPort}`);
    expect(request?.headers['x-envoy-internal']).toBeUndefined();
  });

  test('no Host header steers a request to another name at the same address', async () => {
    expect(await curl('--header', `Host: ${names.undeclared}`, `http://${names.bank}:${httpsPort}/front`)).toBe('200');
    const [request] = bank.requests().filter(({ path }) => path === '/front');
    expect(request?.headers['host']).toBe(`${names.bank}:${httpsPort}`);
  });

  test('bytes of an opaque protocol travel inside TLS', async () => {
    const greeting = () => greetingOf(mesh.lab, 'atelier/web-0', names.bank, tlsPort);
    await expect.poll(greeting, { timeout: 20_000 }).toBe('hello from bank\n');
  });

  test('TLS of the application passes only under exactly the declared name', async () => {
    const passthrough = `https://${names.rebound}:${httpsPort}/own-tls`;
    expect(await curl('--insecure', passthrough)).toBe('200');
    const virtualIp = await addressOf(names.rebound);
    const other = ['--insecure', '--resolve', `${names.undeclared}:${httpsPort}:${virtualIp}`];
    expect(await curl(...other, `https://${names.undeclared}:${httpsPort}/steered`)).toBe('000');
    expect(await curl(`http://${names.rebound}:${httpsPort}/plaintext`)).toBe('000');
    const paths = bank.requests().map(({ path }) => path);
    expect(paths).toContain('/own-tls');
    expect(paths.filter((path) => path === '/steered' || path === '/plaintext')).toEqual([]);
  });

  test('an undeclared name, or the address behind a declared one, is closed before a packet leaves', async () => {
    const capture = await mesh.lab.capture({ in: 'atelier/web-0', filter: 'tcp and net 203.0.113.0/24' });
    for (const address of Object.values(outside)) {
      for (const [scheme, name] of [
        ['http', names.undeclared],
        ['https', names.bank],
      ] as const) {
        const resolved = ['--insecure', '--resolve', `${name}:${httpsPort}:${address}`];
        expect(await curl(...resolved, `${scheme}://${name}:${httpsPort}/undeclared`)).toBe('000');
      }
    }
    expect(await capture.packets()).toEqual([]);
    await untilAnswered(`http://${names.bank}:${httpsPort}/control`);
    await capture.stop();
  });

  test('a certificate of another name is refused, and the request is not sent', async () => {
    expect(await curl(`http://${names.impostor}:${httpsPort}/impostor`)).toBe('503');
    expect(impostor.connections().length).toBeGreaterThan(0);
    expect(impostor.requests()).toEqual([]);
  });

  test('a service in a region that is not allowed stays closed, and its author is told the line', async () => {
    expect(mesh.controlPlaneLog()).toMatch(/"code":"region-not-allowed".*"file":"tenant.yaml","line":\d+/);
    expect(await addressOf(names.far)).toBeUndefined();
    const dump = JSON.stringify(await mesh.sidecar('atelier/web-0').configDump());
    expect(dump).not.toContain(names.far);
    expect(dump).toContain(names.bank);
  });

  test.each([
    ['the lab host', '10.99.0.1'],
    ['its own pod', '10.99.1.1'],
    ['loopback', '127.0.0.1'],
    ['an IPv6 neighbour', 'fd99::1'],
  ])('a name that comes to mean %s leads nowhere', async (_, address) => {
    const url = `https://${names.rebound}:${httpsPort}/rebound`;
    const capture = await mesh.lab.capture({
      in: 'atelier/web-0',
      // Towards it alone: an older connection of the pod's own address may just be ending.
      filter: `tcp and dst host ${address} and dst port ${httpsPort}`,
    });
    resolveTo({ [names.rebound]: [address] });
    await expect
      .poll(async () => (await hostsOf(names.rebound)).join(), { timeout: 20_000, interval: 100 })
      .toContain(address);
    expect(await curl('--insecure', url)).toBe('000');
    expect(await capture.packets()).toEqual([]);
    expect(victim.connections()).toEqual([]);
    await capture.stop();
  });

  test('it leads to where it is meant to go once it means that again', async () => {
    resolveTo({ [names.rebound]: [outside.bank] });
    const url = `https://${names.rebound}:${httpsPort}/rebound`;
    await expect.poll(() => curl('--insecure', url), { timeout: 20_000, interval: 200 }).toBe('200');
  });

  test('that address does answer whom no rule keeps away, so the rebound name was the only thing in the way', async () => {
    const target = { in: 'atelier/web-0', address: mesh.lab.host.ipv4, port: httpsPort, timeoutMs: 2_000 };
    expect(await mesh.lab.markedConnect(target)).toEqual({ kind: 'connected' });
  });

  /** Where the sidecar believes an external service to be. */
  async function hostsOf(name: Name): Promise<string[]> {
    const clusters = await mesh.sidecar('atelier/web-0').admin('/clusters');
    const lines = clusters
      .split('\n')
      .filter((line) => line.startsWith(`external/${name}/`) && line.includes('::cx_active::'));
    return lines.map((line) => line.split('::').slice(1, -2).join('::'));
  }

  async function addressOf(name: Name): Promise<string | undefined> {
    const { stdout } = await mesh.lab.run({
      in: 'atelier/web-0',
      argv: ['cat', '/etc/hosts'],
      confined: true,
      timeoutMs: 5_000,
    });
    return stdout
      .split('\n')
      .find((line) => line.endsWith(` ${name}`))
      ?.split(' ')[0];
  }
});

function tenantText({ caPem }: TestAuthority): string {
  const bundle = caPem
    .trim()
    .split('\n')
    .map((line) => `        ${line}`)
    .join('\n');
  const external = (name: Name, port: number, protocol: string, region = 'eu-west-3') => `
    - name: ${name}
      port: ${port}
      protocol: ${protocol}
      region: ${region}
      jurisdiction: FR
      caBundle: |
${bundle}`;
  return `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: atelier }
spec:
  environment: prod
  allowedRegions: [eu-west-3]
  egress:${external(names.bank, httpsPort, 'http')}${external(names.bank, tlsPort, 'tcp')}${external(
    names.impostor,
    httpsPort,
    'http',
  )}${external(names.rebound, httpsPort, 'tls')}${external(names.far, httpsPort, 'http', 'mars-1')}
`;
}

/**
 * An injected pod in a network namespace of its own: the test plays the kubelet, and runs what the injected spec says.
 *
 *   spec ──rules──▶ sh -ec (NET_ADMIN) ──then──▶ envoy as the sidecar's user ──then──▶ applications as another
 *
 * There is no control plane, so that all that is answered is answered by the pod alone.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { injectPod } from '../../src/kube/inject/inject-pod.ts';
import { identityPath, meshConfigMap } from '../../src/kube/inject/mesh-config-map.ts';
import type { Pod } from '../../src/kube/inject/pod.ts';
import { testAuthority } from '../grpc/authority.ts';
import { podWith, restricted, settings, shop } from '../kube/inject/settings.ts';

const envoy = resolve(import.meta.dirname, '../../.cache/envoy/envoy/_bin/envoy');
/** Longest until Envoy is live, in ms: a poll's bound, not a measurement. */
const startMs = 110_000;
/** How long Envoy waits for each kind of resource of a control plane that is not there, before it is live: 15 s unless told. */
const inVain = '0.1s';
const address = '10.250.0.2';
const applicationUser = 65_532;

const author: Pod = podWith(
  {},
  {
    containers: [
      {
        name: 'web',
        securityContext: restricted,
        readinessProbe: { httpGet: { path: '/ready?deep=1', port: 8_080 } },
        startupProbe: { httpGet: { path: '/start', port: 8_080 } },
        livenessProbe: { tcpSocket: { port: 9_090 }, periodSeconds: 1 },
      },
      { name: 'rpc', securityContext: restricted, livenessProbe: { grpc: { port: 9_091 }, periodSeconds: 1 } },
    ],
  },
);

const http = `require('node:http').createServer((question, answer) => {
  answer.statusCode = question.url === '/ready?deep=1' ? 200 : 418;
  answer.end(question.url);
}).listen(8080, '127.0.0.1')`;
const opaque = `require('node:net').createServer((socket) => socket.destroy()).listen(9090, '127.0.0.1')`;
/** `SERVING`, as grpc.health.v1 writes it. */
const rpc = `require('node:http2').createServer().on('stream', (stream) => {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
}).listen(9091, '127.0.0.1')`;
const outside = `require('node:http').createServer((question, answer) => answer.end()).listen(8099, '10.250.0.1')`;

const isRoot = process.getuid?.() === 0;

// Users of its own are what this is about: an unprivileged namespace has one.
describe.skipIf(!isRoot)(isRoot ? 'an injected pod' : 'an injected pod (needs root)', () => {
  const netns = `cf${randomUUID().slice(0, 8)}`;
  const folder = mkdtempSync(join(tmpdir(), 'coffre-pod-'));
  const children: ChildProcess[] = [];
  const spec = specOf();

  beforeAll(async () => {
    const { rootPem } = await testAuthority();
    network(netns);
    // As the kubelet does: the init container first, and the next only when it has ended well.
    const [redirect, sidecar] = spec.initContainers;
    const [sh = '', ...script] = redirect?.command ?? [];
    const loaded = spawnSync('ip', ['netns', 'exec', netns, sh, ...script], {
      env: { ...process.env, ...environment(redirect?.env ?? []) },
      encoding: 'utf8',
    });
    expect(loaded.stderr).toBe('');
    expect(loaded.status).toBe(0);
    const identity = join(folder, 'identity');
    const run = join(folder, 'run');
    chmodSync(folder, 0o755);
    for (const path of [identity, run]) mkdirSync(path);
    chmodSync(run, 0o777);
    const files = { ...meshConfigMap('shop', rootPem).data, token: 'a token' };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(identity, name), mounted(text), { mode: 0o444 });
    }
    const variables = environment(sidecar?.env ?? []);
    const args = (sidecar?.args ?? []).map((arg) => impatient(mounted(expand(arg, variables))));
    start(envoy, args, shop.sidecarUser);
    await vi.waitFor(async () => expect(ask('/ready')).toBe('200 LIVE\n'), { timeout: startMs, interval: 250 });
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    spawnSync('ip', ['netns', 'del', netns]);
    rmSync(folder, { recursive: true });
  });

  function mounted(text: string): string {
    return text
      .replaceAll(identityPath, join(folder, 'identity'))
      .replaceAll('/var/run/coffre/run', join(folder, 'run'));
  }

  function start(program: string, args: readonly string[], user: number): ChildProcess {
    const as = [
      `--reuid=${user}`,
      `--regid=${user}`,
      '--clear-groups',
      '--bounding-set=-all',
      '--inh-caps=-all',
      '--no-new-privs',
    ];
    const child = spawn('ip', ['netns', 'exec', netns, 'setpriv', ...as, program, ...args], { stdio: 'ignore' });
    children.push(child);
    return child;
  }

  /** From outside the pod, as its node would. @returns status and body; `000` where nobody answers. */
  function ask(path: string, port = 15_021, ...more: readonly string[]): string {
    const args = [
      '-s',
      '-m',
      '3',
      '-w',
      '%{http_code} ',
      '-o',
      join(folder, 'body'),
      ...more,
      `http://${address}:${port}${path}`,
    ];
    writeFileSync(join(folder, 'body'), '');
    const { stdout } = spawnSync('curl', args, { encoding: 'utf8' });
    return stdout + spawnSync('cat', [join(folder, 'body')], { encoding: 'utf8' }).stdout;
  }

  const probeOf = (slot: 'readinessProbe' | 'startupProbe' | 'livenessProbe', index = 0) =>
    spec.containers[index]?.[slot]?.httpGet?.path ?? 'no path';

  test('a question is answered no while there is no application, and by the application when there is', async () => {
    expect(ask(probeOf('readinessProbe'))).toMatch(/^503 /);
    expect(ask(probeOf('livenessProbe'))).toMatch(/^503 /);
    expect(ask(probeOf('livenessProbe', 1))).toMatch(/^503 /);
    start(process.execPath, ['-e', http], applicationUser);
    start(process.execPath, ['-e', rpc], applicationUser);
    const tcp = start(process.execPath, ['-e', opaque], applicationUser);
    await vi.waitFor(() => expect(ask(probeOf('readinessProbe'))).toBe('200 /ready?deep=1'), { timeout: 20_000 });
    expect(ask(probeOf('startupProbe'))).toBe('418 /start');
    await vi.waitFor(() => expect(ask(probeOf('livenessProbe'))).toMatch(/^200 /), { timeout: 20_000 });
    await vi.waitFor(() => expect(ask(probeOf('livenessProbe', 1))).toMatch(/^200 /), { timeout: 20_000 });
    tcp.kill('SIGKILL');
    await vi.waitFor(() => expect(ask(probeOf('livenessProbe'))).toMatch(/^503 /), { timeout: 20_000 });
  });

  test('nothing else is answered there: no other path, no other method, no page of the admin interface', () => {
    expect(ask('/')).toMatch(/^404 /);
    expect(ask('/quitquitquit', 15_021, '-X', 'POST')).toMatch(/^404 /);
    expect(ask('/ready', 15_021, '-X', 'POST')).toMatch(/^404 /);
    expect(ask('/stats')).toMatch(/^404 /);
  });

  test('the application itself cannot be asked in plaintext, and cannot get out or in at the health port by itself', () => {
    expect(ask('/ready', 8_080)).toMatch(/^000 /);
    const dial = (user: number) =>
      spawnSync(
        'ip',
        [
          'netns',
          'exec',
          netns,
          'setpriv',
          `--reuid=${user}`,
          '--clear-groups',
          'curl',
          '-s',
          '-m',
          '2',
          '-w',
          '%{http_code}',
          'http://10.250.0.1:8099/',
        ],
        { encoding: 'utf8' },
      ).stdout;
    children.push(spawn(process.execPath, ['-e', outside], { stdio: 'ignore' }));
    return vi.waitFor(
      () => {
        // The very same question: the sidecar's user is let out, the application's is not.
        expect(dial(shop.sidecarUser)).toMatch(/^200|200$/);
        expect(dial(applicationUser)).toMatch(/000$/);
      },
      { timeout: 20_000 },
    );
  });
});

interface Env {
  readonly name: string;
  readonly value?: string;
}
interface Started {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly Env[];
}

function specOf(): { initContainers: readonly Started[]; containers: Pod['spec']['containers'] } {
  const injection = injectPod(author, settings, shop);
  if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
  return injection.pod.spec as ReturnType<typeof specOf>;
}

/** The bootstrap among its arguments, whose every wait for the control plane is short. */
function impatient(argument: string): string {
  if (!argument.startsWith('{')) return argument;
  return JSON.stringify(
    JSON.parse(argument, (_key, value) =>
      value?.ads === undefined ? value : { ...value, initialFetchTimeout: inVain },
    ),
  );
}

/** Kubernetes' own expansion: `$(NAME)` of what came before, `$$` a dollar. */
function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([A-Z0-9_]+)\)/g, (found, name) =>
    found === '$$' ? '$' : (variables[name] ?? found),
  );
}

function environment(env: readonly Env[]): Record<string, string> {
  const variables: Record<string, string> = { POD_NAMESPACE: 'shop', POD_NAME: 'web-0' };
  for (const { name, value } of env) if (value !== undefined) variables[name] = expand(value, variables);
  return variables;
}

function network(netns: string): void {
  const lines = [
    `netns add ${netns}`,
    `link add ${netns} type veth peer name eth0 netns ${netns}`,
    `addr add 10.250.0.1/24 dev ${netns}`,
    `link set ${netns} up`,
    `-n ${netns} link set lo up`,
    `-n ${netns} addr add ${address}/24 dev eth0`,
    `-n ${netns} link set eth0 up`,
  ];
  for (const line of lines) {
    const { status, stderr } = spawnSync('ip', line.split(' '), { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${line}: ${stderr}`);
  }
}

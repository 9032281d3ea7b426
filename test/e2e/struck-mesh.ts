/**
 * Six callers and the service that they call, for tests of what goes wrong during a drill; and what is seen of it past
 * the control plane: in each Envoy's own runtime, through its own admin socket.
 *
 *   shop   web-0..5 ─▶ api-0, api-1 (two endpoints, a policy that ejects, nobody may ask /admin)      outside   beacon
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answers, Requests } from '../../src/admin/answer.ts';
import { managementSocket } from '../../src/admin/door-names.ts';
import { ask } from '../../src/admin/management-client.ts';
import type { MethodName } from '../../src/admin/methods.ts';
import type { DrillRecord } from '../../src/chaos/drill-engine.ts';
import { drillLayer } from '../../src/envoy/names.ts';
import { runtimeLayers } from '../../src/inspect/runtime-layer.ts';
import { startApp } from '../../src/lab/app-process.ts';
import type { MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { type DrillText, drillText } from './drills-mesh.ts';
import { documents, podText, serviceText } from './mesh-folder.ts';

export const callers = [0, 1, 2, 3, 4, 5].map((index) => `shop/web-${index}`);
export const endpoints = [0, 1].map((index) => `shop/api-${index}`);
export const beacon = 'outside/beacon';

/** Longest wait for a drill to get where it goes, in ms: a TTL, an observation before and after, a loaded machine. */
export const drillMs = 40_000;
/** TTL of a fault, and the second in which it must be gone. */
export const deadManMs = 11_000;

/** @param rules of drills, in flow style. */
export const meshText = (rules = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: drill.test
  dns: { resolvers: [10.99.0.1] }
  authorization: { mode: everyRequest }
  drills: { secondPersonAbove: { percent: 100, callers: 20 }, probeTargets: ["http://10.99.9.10:8080"]${rules} }
`;

const tenant = `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: shop }
spec: { environment: test }
`;

const policies = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: shop }
spec:
  service: api
  outlierDetection: { consecutive5xx: 3, interval: 200ms, baseEjectionTime: 1s, maxEjectionPercent: 50 }
  retries: { attempts: 2, retryOn: [connect-failure, gateway-error] }
`,
  `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: no-admin, namespace: shop }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { paths: ["/admin/*"] } }] }
`,
);

export const consentText = `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: game-day, namespace: shop }
spec:
  asTarget: { services: [api], callerTenants: [shop], methods: [openBreaker, abort, delay, ejectEndpoint], maxDuration: 5m, maxPercent: 100 }
  asCaller: { targetTenants: [shop], methods: [openBreaker, abort, delay, ejectEndpoint], maxDuration: 5m, maxPercent: 100 }
`;

/** A probe of something that no drill breaks: an application outside the mesh that goes on answering. */
export const steadyBeacon =
  '{ name: beacon, source: { http: { url: "http://10.99.9.10:8080/" } }, tolerance: { atLeast: 1 }, interval: 200ms, silence: 3s }';

const drill = (name: string, method: string, more: Partial<DrillText> = {}) =>
  drillText({
    ...{ namespace: 'shop', name, service: 'api', method, callers: '[{ tenant: shop, serviceAccounts: [web] }]' },
    ...{ steadyState: steadyBeacon, observe: '1500ms', ...more },
  });

/** By file; `consent.yaml` holds the only consent. */
export const struckFiles = {
  'mesh.yaml': meshText(),
  'shop.yaml': documents(
    tenant,
    ...callers.map((key, index) => podOf(key, 'web', `10.99.1.${10 + index}`)),
    ...endpoints.map((key, index) => podOf(key, 'api', `10.99.1.${20 + index}`)),
    serviceText('shop', 'api', '10.96.1.1', 'api', 'name: http, port: 80, targetPort: 8080'),
    policies,
  ),
  'outside.yaml': podOf(beacon, 'beacon', '10.99.9.10'),
  'consent.yaml': consentText,
  'drills.yaml': documents(
    drill('breaker', '{ openBreaker: {} }'),
    drill('short', '{ openBreaker: {} }', { duration: '3s' }),
    drill('long', '{ openBreaker: {} }', { duration: '25s' }),
    drill('errors', '{ abort: { status: 503, percent: 100 } }'),
    drill('slow', '{ delay: { duration: 50ms, percent: 100 } }'),
    drill('endpoint', '{ ejectEndpoint: { count: 1 } }'),
  ),
};

function podOf(key: string, account: string, address: string): string {
  const [namespace = '', name = ''] = key.split('/');
  return podText({ namespace, name, account, addresses: [address], ports: [8_080] });
}

/** What the control plane answers its owner, refusals too. */
export function askOwner<Name extends MethodName>(mesh: MeshLab, method: Name, request: Requests[Name]) {
  return ask({ kind: 'socket', path: join(mesh.stateFolder, managementSocket) }, method, request);
}

/** @throws where it is refused. */
export async function owner<Name extends MethodName>(
  mesh: MeshLab,
  method: Name,
  request: Requests[Name],
): Promise<Answers[Name]> {
  const asked = await askOwner(mesh, method, request);
  if (asked.kind === 'answered') return asked.value;
  throw new Error(JSON.stringify(asked));
}

/** Those of the proxies that have a key in their drill layer. */
export async function struck(mesh: MeshLab, proxies: readonly string[]): Promise<readonly string[]> {
  const each = await Promise.all(
    proxies.map(async (key) => {
      const layer = runtimeLayers(await mesh.sidecar(key).admin('/runtime'))?.get(drillLayer);
      return layer?.size === 0 ? [] : [key];
    }),
  );
  return each.flat();
}

/** Those of the proxies that came to feel a fault after they had been seen without, in so many ms. */
export async function struckAgain(mesh: MeshLab, proxies: readonly string[], ms: number): Promise<readonly string[]> {
  const seenClean = new Set<string>();
  const again = new Set<string>();
  for (const untilMs = Date.now() + ms; Date.now() < untilMs; ) {
    const feeling = new Set(await struck(mesh, proxies));
    for (const proxy of proxies) {
      if (!feeling.has(proxy)) seenClean.add(proxy);
      else if (seenClean.has(proxy)) again.add(proxy);
    }
  }
  return [...again];
}

/** Runs a command beside the control plane. @throws unless it ends well. */
export async function onHost(mesh: MeshLab, ...argv: readonly string[]): Promise<string> {
  const done = await mesh.lab.run({ in: hostPlace, argv, confined: false, timeoutMs: 30_000 });
  if (done.code !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** Packets between the control plane and these pods are dropped, both ways, without a word. @returns heals it. */
export async function cutOff(mesh: MeshLab, pods: readonly string[]): Promise<() => Promise<void>> {
  const addresses = pods.flatMap((key) => mesh.pod(key).addresses);
  const each = async (verb: '-I' | '-D') => {
    for (const address of addresses) {
      await onHost(mesh, 'iptables', verb, 'INPUT', '-s', address, '-j', 'DROP');
      await onHost(mesh, 'iptables', verb, 'OUTPUT', '-d', address, '-j', 'DROP');
    }
  };
  await each('-I');
  return () => each('-D');
}

export interface PlayedProxy {
  /** What it took and refused, in order; see `lesser-client.ts`. */
  said(): readonly string[];
  stop(): Promise<void>;
}

/** A second stream of this workload, beside that of its Envoy. */
export async function playProxy(
  mesh: MeshLab,
  key: string,
  manner: 'deaf' | 'picky' | 'forgetful',
): Promise<PlayedProxy> {
  const script = fileURLToPath(new URL('./lesser-client.ts', import.meta.url));
  const client = await mesh.lab.spawn({
    in: hostPlace,
    argv: [process.execPath, script, mesh.controlPlaneAddress, mesh.workloadFiles(key), manner],
    env: { COFFRE_CONFORMANCE_WAIT_MS: '600000' },
    confined: false,
    name: manner,
  });
  await client.waitForLine(/^took 0$/, drillMs);
  return {
    said: () => readFileSync(client.stdoutPath, 'utf8').trimEnd().split('\n'),
    async stop() {
      await client.kill('SIGKILL');
      await client.exited;
    },
  };
}

/** The source of the probes comes back after it was killed. */
export async function lightBeacon(mesh: MeshLab): Promise<void> {
  await startApp(mesh.lab, beacon, { listen: ['http:8080'] });
}

export function words({ timeline }: DrillRecord): readonly string[] {
  return timeline.map(({ what }) => what);
}

/** From the first entry of this kind to the last proxy seen clean, in ms. */
export function toLastClean({ timeline }: DrillRecord, from: string): number {
  const fromMs = timeline.find(({ what }) => what === from)?.atMs ?? Number.NaN;
  return Math.max(...timeline.flatMap(({ what, atMs }) => (what === 'proxy-clean' ? [atMs] : []))) - fromMs;
}

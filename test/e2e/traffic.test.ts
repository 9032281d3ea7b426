/**
 * What an owner writes of traffic, as real Envoys do it: shares, matches, time limits, breakers and retries.
 *
 *   shop   web ─▶ api (routed), v2 (two pods, a policy)       annex   api: another tenant, by grant only
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { eachMode } from '../lab/each-mode.ts';
import { documents, meshFolder, podText, removeFolder, serviceText } from './mesh-folder.ts';

/** Longest wait for an edit to act, in ms: a poll's bound, not a measurement. */
const editMs = 20_000;

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: test }
`;

const pod = (namespace: string, name: string, account: string, address: string) =>
  podText({ namespace, name, account, addresses: [address], ports: [8_080] });

const httpPort = 'name: http, port: 80, targetPort: 8080';

const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: api }]
  rules:
    - matches:
        - path: { type: PathPrefix, value: /v2 }
        - path: { type: Exact, value: /by-header }
          headers: [{ name: x-canary, value: always }]
      backendRefs: [{ name: v2, port: 80 }]
    - matches: [{ path: { type: Exact, value: /by-header } }]
      backendRefs: [{ name: api, port: 80 }]
    - matches: [{ path: { value: /all-or-none } }]
      backendRefs: [{ name: api, port: 80, weight: 100 }, { name: v2, port: 80, weight: 0 }]
    - matches: [{ path: { value: /split } }]
      backendRefs: [{ name: api, port: 80, weight: 80 }, { name: v2, port: 80, weight: 20 }]
    - matches: [{ path: { value: /abroad } }]
      backendRefs: [{ name: api, port: 80 }, { name: api, namespace: annex, port: 80 }]
    - matches: [{ path: { value: /slow } }]
      timeouts: { request: 300ms }
      backendRefs: [{ name: api, port: 80 }]
    - matches: [{ path: { value: /patient } }]
      timeouts: { request: 0s }
      backendRefs: [{ name: api, port: 80 }]
`;

const apiPolicy = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: shop }
spec: { service: api, timeouts: { request: 500ms } }
`;

const v2Policy = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: v2, namespace: shop }
spec:
  service: v2
  circuitBreakers: { maxRequests: 1 }
  outlierDetection: { maxEjectionPercent: 0 }
  timeouts: { request: 3s }
  retries: { attempts: 1, retryOn: [connect-failure, gateway-error] }
`;

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-shop, namespace: annex }
spec: { from: { tenant: shop }, to: { service: api }, reason: serves a share of shop }
`;

const named = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: { name: shop-names-api, namespace: annex }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop }]
  to: [{ group: "", kind: Service, name: api }]
`;

const files = {
  'tenants.yaml': documents(tenant('shop'), tenant('annex')),
  'pods.yaml': documents(
    pod('shop', 'web-0', 'web', '10.99.1.1'),
    pod('shop', 'api-0', 'api', '10.99.1.2'),
    pod('shop', 'v2-0', 'v2', '10.99.1.3'),
    pod('shop', 'v2-1', 'v2', '10.99.1.4'),
    pod('annex', 'api-0', 'api', '10.99.2.2'),
  ),
  'services.yaml': documents(
    serviceText('shop', 'api', '10.96.1.2', 'api', httpPort),
    serviceText('shop', 'v2', '10.96.1.3', 'v2', httpPort),
    serviceText('annex', 'api', '10.96.2.2', 'api', httpPort),
  ),
  'route.yaml': route,
  'policies.yaml': documents(apiPolicy, v2Policy),
  'named.yaml': named,
};

interface Answer {
  readonly status: number;
  /** Who answered; empty where it was an Envoy. */
  readonly service: string;
}

eachMode('traffic', (mode) => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({ mode, folder });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  /** Asks from `shop/web-0`; a URL such as `http://api/n[1-500]` is asked so many times. */
  async function ask(url: string, ...options: readonly string[]): Promise<Answer[]> {
    const { stdout } = await mesh.lab.run({
      in: 'shop/web-0',
      argv: ['curl', '-s', '--path-as-is', '--max-time', '20', '-w', '\n%{http_code}\n', ...options, url],
      confined: true,
      timeoutMs: 60_000,
    });
    const answers: Answer[] = [];
    let service = '';
    for (const line of stdout.split('\n')) {
      if (line.startsWith('{')) service = String(JSON.parse(line).service);
      if (!/^\d{3}$/.test(line)) continue;
      answers.push({ status: Number(line), service });
      service = '';
    }
    return answers;
  }

  const onlyAnswer = async (url: string, ...options: readonly string[]) => (await ask(url, ...options))[0];

  function share(answers: readonly Answer[], matches: (answer: Answer) => boolean): number {
    return answers.filter(matches).length / answers.length;
  }

  const isV2 = ({ service }: Answer) => service.startsWith('shop/v2');

  const seenBy = (path: string) =>
    ['shop/api-0', 'shop/v2-0', 'shop/v2-1'].flatMap((key) =>
      mesh
        .pod(key)
        .app.requests()
        .filter((request) => request.path === path),
    ).length;

  test('a prefix is a prefix of segments, and a header or an exact path steers too', async () => {
    const wants: readonly (readonly [string, readonly string[], number, string])[] = [
      ['/v2', [], 200, 'v2'],
      ['/v2/deep?q=1', [], 200, 'v2'],
      ['/v20', [], 404, ''],
      ['/by-header', [], 200, 'api'],
      ['/by-header', ['-H', 'X-Canary: always'], 200, 'v2'],
      ['/by-header', ['-H', 'X-Canary: never'], 200, 'api'],
      ['/by-header/deep', [], 404, ''],
      ['/nowhere', [], 404, ''],
    ];
    for (const [path, options, status, service] of wants) {
      const answer = await onlyAnswer(`http://api${path}`, ...options);
      expect(answer, path).toMatchObject({ status });
      expect(answer?.service.replace(/^shop\/|-\d$/g, ''), path).toBe(service);
    }
  });

  test('weights share out the requests, and a weight of 0 gets none', async () => {
    const split = await ask('http://api/split/[1-500]');
    expect(split).toHaveLength(500);
    expect(share(split, ({ status }) => status === 200)).toBe(1);
    // 20 % of 500 with a standard deviation of 9 requests: seven of them on either side.
    expect(share(split, isV2)).toBeGreaterThan(0.07);
    expect(share(split, isV2)).toBeLessThan(0.33);
    expect(share(await ask('http://api/all-or-none/[1-100]'), isV2)).toBe(0);
  });

  test('another tenant’s share is answered 500 until that tenant grants it, and is never handed to the others', async () => {
    const before = await ask('http://api/abroad/[1-200]');
    expect(share(before, ({ status }) => status === 500)).toBeGreaterThan(0.3);
    expect(share(before, ({ status, service }) => status === 200 && service === 'shop/api-0')).toBeGreaterThan(0.3);
    expect(mesh.pod('annex/api-0').app.requests()).toEqual([]);
    expect(mesh.controlPlaneLog()).toContain('"code":"backend-unresolved"');

    mesh.write('grant.yaml', grant);
    await expect
      .poll(async () => (await ask('http://api/abroad/[1-20]')).every(({ status }) => status === 200), {
        timeout: editMs,
      })
      .toBe(true);
    const after = await ask('http://api/abroad/[1-200]');
    expect(share(after, ({ service }) => service === 'annex/api-0')).toBeGreaterThan(0.3);
    expect(share(after, ({ status }) => status === 200)).toBe(1);

    mesh.remove('grant.yaml');
    await expect
      .poll(async () => share(await ask('http://api/abroad/[1-40]'), ({ status }) => status === 500), {
        timeout: editMs,
      })
      .toBeGreaterThan(0.1);
  });

  test('a rule’s time limit stands before the service’s, and `0s` is none, at the callee’s proxy as well', async () => {
    expect(await onlyAnswer('http://api/slow/delay/5000')).toMatchObject({ status: 504 });
    expect(await onlyAnswer('http://api/slow/delay/1')).toMatchObject({ status: 200 });
    expect(await onlyAnswer('http://api/split/delay/5000')).toMatchObject({ status: 504 });
    expect(await onlyAnswer('http://api/patient/delay/1500')).toMatchObject({ status: 200 });
  });

  test('a breaker refuses the request beyond the limit at once', async () => {
    const held = onlyAnswer('http://v2/delay/2000');
    await expect.poll(() => seenBy('/delay/2000'), { timeout: editMs }).toBe(1);
    expect(await onlyAnswer('http://v2/beyond')).toMatchObject({ status: 503, service: '' });
    expect(seenBy('/beyond')).toBe(0);
    expect(await held).toMatchObject({ status: 200 });
    expect(await onlyAnswer('http://v2/within')).toMatchObject({ status: 200 });
  });

  test('a failure that may have had an effect is tried again for GET only', async () => {
    expect(await onlyAnswer('http://v2/status/502?get')).toMatchObject({ status: 502 });
    expect(seenBy('/status/502?get')).toBe(2);
    expect(await onlyAnswer('http://v2/status/502?post', '-X', 'POST')).toMatchObject({ status: 502 });
    expect(seenBy('/status/502?post')).toBe(1);
    expect(await onlyAnswer('http://v2/status/400')).toMatchObject({ status: 400 });
    expect(seenBy('/status/400')).toBe(1);
  });

  test('a connection that fails is tried again elsewhere, whatever the method', async () => {
    const { process: sidecar } = mesh.sidecar('shop/v2-1');
    await sidecar.kill('SIGKILL');
    await sidecar.exited;
    const answers = await ask('http://v2/after/[1-20]', '-X', 'POST');
    expect(answers).toHaveLength(20);
    expect(share(answers, ({ status, service }) => status === 200 && service === 'shop/v2-0')).toBe(1);
  });
});

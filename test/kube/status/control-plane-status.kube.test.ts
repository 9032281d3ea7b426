/**
 * What the control plane says of objects, as their authors see it: a real API server, a real control plane process, and
 * two proxies that take or refuse what they are told.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPod, tokenOf } from '../attest/attesting.ts';
import type { Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type AdsProxy, startAdsProxy } from './ads-proxy.ts';
import { gatewayDefinition } from './gateway-definitions.ts';
import { ServedCluster } from './served-cluster.ts';

const golden = join(import.meta.dirname, '../golden/kubectl');
/** Longest wait for anything, in ms. */
const longMs = 60_000;

function policy(methods: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: readers, namespace: shop }
spec: { selector: { matchLabels: { app: web } }, allow: [{ from: { serviceAccounts: [web] }, to: { methods: [${methods}] } }] }
`;
}

const world = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: mesh.example }
---
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: shop }
spec: { environment: prod }
---
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: billing }
spec: { environment: prod }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: billing-reads, namespace: shop }
spec: { from: { tenant: billing }, to: { service: web }, reason: they need it }
---
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: nowhere, namespace: shop }
spec: { from: { tenant: billing }, to: { service: ghost }, reason: nobody looked }
---
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: web, namespace: shop }
spec: { service: web, timeouts: { request: 2s } }
---
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: web-errors, namespace: shop }
spec:
  hypothesis: nobody notices
  target: { service: web, port: 80 }
  method: { abort: { status: 503, percent: 50 } }
  blastRadius: { callers: [{ tenant: shop, serviceAccounts: [web] }], percent: 100 }
  steadyState: [{ name: fine, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.99 }, phases: [before, after] }]
  abortOn: [{ alert: Anything }]
  duration: 1m
---
${policy('GET')}
---
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: game-day, namespace: shop }
spec: { asTarget: { services: [web], callerTenants: [shop], methods: [abort], maxDuration: 5m, maxPercent: 50 } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: web }]
  rules: [{ backendRefs: [{ name: web, port: 80 }, { name: ghost, port: 80 }] }]
`;

whereKube('the status of objects', () => {
  let served: ServedCluster;
  let kube: Kube;
  let proxies: AdsProxy[];

  const kubectl = (args: readonly string[], input?: string) => served.kubectl(args, input);

  beforeAll(async () => {
    const gateway = [gatewayDefinition('HTTPRoute', 'httproutes', 'v1')];
    served = await ServedCluster.start({ namespaces: ['shop', 'billing'], gateway, objects: world });
    ({ kube } = served);
    proxies = await Promise.all(['web-1', 'web-2'].map((name, index) => startedProxy(name, `10.1.0.${index + 1}`)));
  }, 2 * longMs);

  afterAll(async () => {
    for (const proxy of proxies ?? []) proxy.stop();
    await served?.close();
  });

  /** A pod that runs and is ready, as its kubelet would say, and its proxy. */
  async function startedProxy(name: string, address: string): Promise<AdsProxy> {
    const pod = await runPod(kube, 'shop', { name });
    await kubectl(['label', 'pod', '-n', 'shop', name, 'app=web']);
    const path = `/api/v1/namespaces/shop/pods/${name}`;
    const { body } = await kube.request('GET', path);
    const conditions = [{ type: 'Ready', status: 'True' }];
    const status = { phase: 'Running', podIP: address, podIPs: [{ ip: address }], conditions };
    const written = await kube.request('PUT', `${path}/status`, { ...(body as object), status });
    expect(written.status).toBe(200);
    return startAdsProxy(served.xds, `shop/${name}`, await tokenOf(kube, pod));
  }

  const wait = (condition: string, what: string) =>
    kubectl(['wait', '-n', 'shop', `--for=condition=${condition}`, what, `--timeout=${longMs / 1_000}s`]);

  const readers = 'accesspolicy.coffre.dev/readers';

  interface Said {
    readonly metadata: { readonly generation: number };
    readonly status?: {
      readonly phase?: string;
      readonly conditions?: readonly {
        readonly type: string;
        readonly status: string;
        readonly reason: string;
        readonly message: string;
        readonly observedGeneration: number;
      }[];
    };
  }

  async function said(what: string): Promise<Said> {
    return JSON.parse(await kubectl(['get', '-n', 'shop', what, '-o', 'json'])) as Said;
  }

  /** `True Acknowledged: 2 of 2 proxies`, of the newest generation only. */
  async function told(what: string, type = 'Programmed'): Promise<string> {
    const { metadata, status } = await said(what);
    const found = status?.conditions?.find((each) => each.type === type);
    if (found?.observedGeneration !== metadata.generation) return 'nothing yet';
    return `${found.status} ${found.reason}: ${found.message}`;
  }

  const polled = (what: string, type?: string) =>
    expect.poll(() => told(what, type), { timeout: longMs, interval: 200 });

  test('`kubectl wait` hears that a policy is programmed, once both proxies have acknowledged it', async () => {
    await kubectl(['apply', '-f', '-'], policy('GET, HEAD'));
    await polled(readers).toBe('True Acknowledged: 2 of 2 proxies');
    expect(await wait('Programmed', readers)).toContain('condition met');
  });

  test('a proxy that refuses holds back the generation that it refused, until there is another', async () => {
    const [first] = proxies;
    if (first === undefined) throw new Error('no proxy');
    first.refuses = 'this proxy takes nothing';
    await kubectl(['apply', '-f', '-'], policy('POST'));
    await polled(readers).toMatch(/^False RefusedByProxy: 1 of 2 proxies; .*refused/s);
    expect(await wait('Programmed=false', readers)).toContain('condition met');
    first.refuses = undefined;
    await kubectl(['apply', '-f', '-'], policy('PUT'));
    await polled(readers).toBe('True Acknowledged: 2 of 2 proxies');
  });

  test('what names nothing that is there is accepted, not resolved, and not programmed', async () => {
    await polled('grant.coffre.dev/nowhere', 'Accepted').toMatch(/^True/);
    await polled('grant.coffre.dev/nowhere', 'ResolvedRefs').toMatch(/^False DanglingReference: .*`ghost`/);
    await polled('grant.coffre.dev/nowhere').toMatch(/^False NotInForce/);
  });

  test('two policies of the same ports contradict each other, until one of them goes', async () => {
    const one = 'trafficpolicy.coffre.dev/web';
    const rival = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: web-again, namespace: shop }
spec: { service: web, timeouts: { request: 9s } }
`;
    await polled(one, 'Conflicted').toBe('False NoConflict: nothing contradicts it');
    await kubectl(['apply', '-f', '-'], rival);
    await polled(one, 'Conflicted').toMatch(/^True PolicyConflict: .*`web-again`.*none of them is in force/);
    await polled('trafficpolicy.coffre.dev/web-again', 'Conflicted').toMatch(/^True PolicyConflict: .*`web` /);
    expect(await wait('Conflicted', one)).toContain('condition met');
    await polled(one).toMatch(/^False NotInForce/);
    await kubectl(['delete', '-f', '-'], rival);
    await polled(one, 'Conflicted').toBe('False NoConflict: nothing contradicts it');
    await polled(one).toBe('True Acknowledged: 2 of 2 proxies');
  });

  test('a drill says that it is declared', async () => {
    await expect
      .poll(async () => (await said('drill.coffre.dev/web-errors')).status?.phase, { timeout: longMs })
      .toBe('declared');
  });

  test('a route says of each parent of ours what Gateway API calls it', async () => {
    const parents = async () => {
      const { status } = JSON.parse(await kubectl(['get', 'httproute', '-n', 'shop', 'web', '-o', 'json'])) as {
        readonly status?: { readonly parents: readonly unknown[] };
      };
      return status?.parents ?? [];
    };
    await expect.poll(parents, { timeout: longMs }).toMatchObject([
      {
        controllerName: 'coffre.dev/mesh',
        parentRef: { group: '', kind: 'Service', name: 'web' },
        conditions: [
          { type: 'Accepted', status: 'True' },
          { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound' },
        ],
      },
    ]);
  });

  test('`kubectl get coffre` shows what is accepted and what is programmed', async () => {
    for (const what of [
      readers,
      'tenant.coffre.dev/shop',
      'trafficpolicy.coffre.dev/web',
      'grant.coffre.dev/billing-reads',
    ]) {
      await wait('Programmed', what);
    }
    await polled('mesh.coffre.dev/default').toMatch(/^True/);
    const shown = await kubectl(['get', 'coffre', '--all-namespaces']);
    // Ages are of the clock.
    const ageless = shown.replaceAll(/\b\d+m?\d*[smh] *$/gm, '…').replaceAll(/ +$/gm, '');
    await expect(ageless).toMatchFileSnapshot(join(golden, 'get-coffre-served.txt'));
  });

  test('a status that stands is left alone', async () => {
    const version = async () =>
      (
        JSON.parse(await kubectl(['get', '-n', 'shop', readers, '-o', 'json'])) as {
          metadata: { resourceVersion: string };
        }
      ).metadata.resourceVersion;
    const before = await version();
    const other = policy('GET').replace('name: readers', 'name: others');
    await kubectl(['apply', '-f', '-'], other);
    // It was looked at again, and others were written.
    expect(await wait('Programmed', 'accesspolicy.coffre.dev/others')).toContain('condition met');
    expect(await version()).toBe(before);
  });
});

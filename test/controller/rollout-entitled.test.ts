/** A proxy whose labels alone are others is told nothing new, and yet others begin as it did, and others than before. */
import { expect, test } from 'vitest';
import { Rollout } from '../../src/controller/rollout.io.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { TestClock } from '../xds/test-clock.ts';
import { Kept } from './kept.ts';

const port = 'name: http, port: 80, targetPort: 8080';
const basics = documents(
  tenant('shop'),
  pod('shop', 'api', '10.1.0.9'),
  service('shop', 'front', '10.96.0.1', port).replace('app: front', 'app: api'),
  service('shop', 'api', '10.96.0.2', port),
);

function web(number: number, tier: string): string {
  const text = pod('shop', 'web', `10.1.0.${number}`).replace('name: web-1', `name: web-${number}`);
  return text.replace('labels: { app: web }', `labels: { app: web, tier: ${tier} }`);
}

const routed = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: front }]
  rules: [{ backendRefs: [{ name: api, port: 80 }] }]
`;

test('new proxies wait for what those wait for that bear their labels now', () => {
  const given = new Map<string, ResourceSnapshot>();
  const cache = {
    set: (proxy: string, snapshot: ResourceSnapshot) => given.set(proxy, snapshot),
    delete: () => undefined,
    setReady: () => undefined,
  };
  const rollout = new Rollout({ clock: new TestClock(), cache, refusalsChanged: () => undefined });
  const kept = new Kept();
  const look = (...pods: readonly string[]) => {
    const snapshot = kept.look(meshFrom(documents(basics, ...pods)));
    rollout.publish(kept.configurations, [], snapshot);
  };
  const routeOf = (key: string) => given.get(key)?.types.get(typeUrls.route)?.get('out/shop/front/80')?.version;
  look(web(1, 'old'));
  const former = routeOf('shop/web-1') ?? expect.fail('there is no such route');
  // Nobody has a stream: the route waits to be tried.
  look(web(1, 'old'), routed);
  const before = kept.configurations.get('shop/web-1');
  look(web(1, 'new'), routed);
  expect(kept.configurations.get('shop/web-1')).toBe(before);
  look(web(1, 'new'), web(2, 'new'), web(3, 'old'), routed);
  const wanted = kept.configurations.get('shop/web-3')?.types.get(typeUrls.route)?.get('out/shop/front/80')?.version;
  expect(wanted).not.toBe(former);
  expect(['shop/web-1', 'shop/web-2', 'shop/web-3'].map(routeOf)).toEqual([former, former, wanted]);
});

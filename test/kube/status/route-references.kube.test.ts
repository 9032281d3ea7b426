/** What a route is told whose backend is in another namespace: by two consents of its owner, each by itself, and by both. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whereKube } from '../harness/kube-test.ts';
import { gatewayDefinition } from './gateway-definitions.ts';
import { ServedCluster } from './served-cluster.ts';

/** Longest wait for anything, in ms. */
const longMs = 60_000;

const objects = `
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
metadata: { name: annex }
spec: { environment: prod }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: api, namespace: annex }
spec: { selector: { app: api }, ports: [{ name: http, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: abroad, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: web }, { group: "", kind: Service, name: ghost }]
  rules: [{ backendRefs: [{ name: api, namespace: annex, port: 80 }] }]
`;

const referenceGrant = `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: shop-names-api, namespace: annex }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop }]
  to: [{ group: "", kind: Service, name: api }]
`;

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: shop-calls-api, namespace: annex }
spec: { from: { tenant: shop }, to: { service: api }, reason: the annex answers for the shop }
`;

interface Route {
  readonly status?: {
    readonly parents?: readonly {
      readonly parentRef: { readonly name: string };
      readonly conditions: readonly {
        readonly type: string;
        readonly status: string;
        readonly reason: string;
        readonly message: string;
      }[];
    }[];
  };
}

whereKube('a route with a backend in another namespace', () => {
  let served: ServedCluster;

  beforeAll(async () => {
    const gateway = [
      gatewayDefinition('HTTPRoute', 'httproutes', 'v1'),
      gatewayDefinition('ReferenceGrant', 'referencegrants', 'v1beta1'),
    ];
    served = await ServedCluster.start({ namespaces: ['shop', 'annex'], gateway, objects });
  }, 2 * longMs);
  afterAll(() => served?.close());

  /** `web Accepted=True Accepted: the message`, a line for each condition of each parent. */
  async function told(): Promise<readonly string[]> {
    const { status } = JSON.parse(
      await served.kubectl(['get', 'httproute', '-n', 'shop', 'abroad', '-o', 'json']),
    ) as Route;
    return (status?.parents ?? []).flatMap(({ parentRef, conditions }) =>
      conditions.map(
        ({ type, status: is, reason, message }) => `${parentRef.name} ${type}=${is} ${reason}: ${message}`,
      ),
    );
  }

  const saidOfAttachment = {
    web: 'web Accepted=True Accepted: the route is attached',
    ghost:
      'ghost Accepted=False NoMatchingParent: spec.parentRefs[1].name: there is no service `ghost` in `shop`, so the route leads nobody; check the name of the service',
  };

  /** Of both parents: each is attached or not by itself, and the backend is the same for both. */
  const saidWith = (resolved: string) => [
    saidOfAttachment.web,
    `web ResolvedRefs=${resolved}`,
    saidOfAttachment.ghost,
    `ghost ResolvedRefs=${resolved}`,
  ];
  const refused = (message: string, needed: string) =>
    saidWith(
      `False RefNotPermitted: spec.rules[0].backendRefs[0]: ${message}, so its share of the requests is answered 500; ask the owner of \`annex\` for a ${needed} to \`shop\``,
    );
  const unnamed = 'no `ReferenceGrant` of `annex` lets routes of `shop` name `api` on port 80';
  const unreached = 'no `Grant` of `annex` lets every caller of `shop` reach `api` on port 80';

  const becomes = (expected: readonly string[]) =>
    expect.poll(told, { timeout: longMs, interval: 200 }).toEqual(expected);
  const apply = (text: string) => served.kubectl(['apply', '-f', '-'], text);
  const remove = (text: string) => served.kubectl(['delete', '-f', '-'], text);

  // Each step turns the condition: what only reads otherwise may be written half a minute later.
  test('SEC-48 it is refused without consent, resolved by both, and refused by what is missing when either goes', async () => {
    await becomes(refused(`${unnamed}, and ${unreached}`, '`ReferenceGrant` and a `Grant`'));
    await apply(referenceGrant);
    await apply(grant);
    await becomes(saidWith('True ResolvedRefs: every backend is there and open'));
    await remove(grant);
    await becomes(refused(unreached, '`Grant`'));
    await apply(grant);
    await becomes(saidWith('True ResolvedRefs: every backend is there and open'));
    await remove(referenceGrant);
    await becomes(refused(unnamed, '`ReferenceGrant`'));
  });
});

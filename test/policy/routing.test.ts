/** Which rule is heard first, and which backends a caller is told of. */
import { expect, test } from 'vitest';
import type { OutboundPort } from '../../src/policy/view.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

interface RouteText {
  readonly name: string;
  readonly created?: string;
  readonly rules: string;
}

function route({ name, created, rules }: RouteText): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: atelier${created === undefined ? '' : `, creationTimestamp: ${created}`} }
spec:
  parentRefs: [{ group: "", kind: Service, name: api }]
  rules: [${rules}]
`;
}

const grant = (tenant: string, caller: string, more = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-${caller}, namespace: ${tenant} }
spec: { from: { tenant: ${caller} }, to: { service: api }, reason: a share${more} }
`;

function outboundOf(
  texts: readonly string[],
  workload = 'atelier/web-1',
  { problems = [] as Parameters<typeof meshFrom>[1], nowMs = 0 } = {},
): ReadonlyMap<string, OutboundPort> {
  const snapshot = meshFrom(documents(twoTenants, ...texts), problems);
  const caller = snapshot.workloads.get(workload);
  if (caller === undefined) throw new Error(`there is no workload \`${workload}\``);
  return new Map(viewOf(snapshot, caller, nowMs).outbound.map((port) => [port.service, port]));
}

const toApi = 'backendRefs: [{ name: api, port: 80 }]';

test('the rule that says most about a request goes first, then the older route, then the name', () => {
  const { rules = [] } =
    outboundOf([
      route({
        name: 'b-older',
        created: '2026-01-01T00:00:00Z',
        rules: [
          `{ matches: [{ path: { value: /a } }], timeouts: { request: 1s }, ${toApi} }`,
          `{ matches: [{ path: { value: /a }, headers: [{ name: x, value: y }] }], ${toApi} }`,
        ].join(),
      }),
      route({
        name: 'a-younger',
        created: '2026-02-01T00:00:00Z',
        rules: [
          `{ ${toApi} }`,
          `{ matches: [{ path: { value: /a } }], timeouts: { request: 2s }, ${toApi} }`,
          `{ matches: [{ path: { value: /a }, method: GET }], ${toApi} }`,
          `{ matches: [{ path: { value: /a/long } }, { path: { type: Exact, value: /a } }], ${toApi} }`,
        ].join(),
      }),
    ]).get('atelier/api') ?? {};
  expect(
    rules.map(({ match: { path, method = '', headers }, requestTimeoutMs = '' }) =>
      [path.kind, path.path, method, headers.length, requestTimeoutMs].join(' ').trim(),
    ),
  ).toEqual([
    'exact /a  0',
    'prefix /a/long  0',
    'prefix /a GET 0',
    'prefix /a  1',
    'prefix /a  0 1000',
    'prefix /a  0 2000',
    'prefix /  0',
  ]);
});

function mayName(namespace: string, from: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: named, namespace: ${namespace} }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ${from} }]
  to: [{ group: "", kind: Service }]
`;
}

test('a share that the caller may not have keeps its weight and loses its name, and gets it back with the grant', () => {
  const split = route({
    name: 'split',
    rules:
      '{ backendRefs: [{ name: api, port: 80, weight: 3 }, { name: api, namespace: notaire, port: 80 }, { name: web, port: 81 }] }',
  });
  const own = { to: { service: 'atelier/api', port: 80 }, weight: 3 };
  const unresolved = { problems: ['backend-unresolved'] as const };
  expect(outboundOf([split], 'atelier/web-1', unresolved).get('atelier/api')?.rules[0]?.shares).toEqual([
    { weight: 2 },
    own,
  ]);
  const granted = [
    split,
    mayName('notaire', 'atelier'),
    grant('notaire', 'atelier', ', notAfter: "2030-01-01T00:00:00Z"'),
  ];
  const endMs = Date.parse('2030-01-01T00:00:00Z');
  const named = [{ weight: 1 }, own, { to: { service: 'notaire/api', port: 80 }, weight: 1 }];
  expect(
    outboundOf(granted, 'atelier/web-1', { ...unresolved, nowMs: endMs - 1 }).get('atelier/api')?.rules[0]?.shares,
  ).toEqual(named);
  expect(
    outboundOf(granted, 'atelier/web-1', { ...unresolved, nowMs: endMs }).get('atelier/api')?.rules[0]?.shares,
  ).toEqual([{ weight: 2 }, own]);
});

test('a caller of another tenant is routed as its owner says, and is told of no backend that it was not granted', () => {
  const away = route({ name: 'away', rules: '{ backendRefs: [{ name: web, port: 80 }] }' });
  const outbound = outboundOf([away, grant('atelier', 'notaire')], 'notaire/web-1', {
    problems: ['backend-unresolved'],
  });
  expect(outbound.get('atelier/api')?.rules).toMatchObject([{ shares: [{ weight: 1 }] }]);
  expect(JSON.stringify([...outbound])).not.toContain('atelier/web');
});

test('a routed service that nobody stands behind is dialled all the same, and is nobody’s backend', () => {
  const front = `
apiVersion: v1
kind: Service
metadata: { name: front, namespace: atelier }
spec: { clusterIP: 10.96.1.9, selector: { app: nobody }, ports: [{ name: http, port: 80 }] }
`;
  const routed = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: front, namespace: atelier }
spec:
  parentRefs: [{ group: "", kind: Service, name: front }]
  rules: [{ backendRefs: [{ name: api, port: 80 }, { name: front, port: 80 }] }]
`;
  const problems = ['dangling-reference'] as const;
  expect(outboundOf([front], 'atelier/web-1', { problems }).has('atelier/front')).toBe(false);
  expect(outboundOf([front, routed], 'atelier/web-1', { problems }).get('atelier/front')).toMatchObject({
    virtualIps: ['10.96.1.9'],
    serverSpiffeIds: [],
    rules: [{ shares: [{ weight: 1 }, { to: { service: 'atelier/api', port: 80 }, weight: 1 }] }],
  });
});

test('the callee waits as long as its owner lets any caller wait, and no longer for what another tenant writes', () => {
  const limitOf = (...texts: readonly string[]) => {
    const snapshot = meshFrom(documents(twoTenants, ...texts));
    const callee = snapshot.workloads.get('atelier/api-1');
    return callee === undefined ? undefined : viewOf(snapshot, callee, 0).inbound[0]?.requestTimeoutMs;
  };
  const policy = (request: string) => `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: atelier }
spec: { service: api, timeouts: { request: ${request} } }
`;
  const patient = (request: string) =>
    route({ name: 'patient', rules: `{ timeouts: { request: ${request} }, ${toApi} }` });
  const abroad = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: abroad, namespace: notaire }
spec:
  parentRefs: [{ group: "", kind: Service, name: api }]
  rules: [{ timeouts: { request: 1h }, backendRefs: [{ name: api, namespace: atelier, port: 80 }] }]
`;
  expect(limitOf()).toBe(15_000);
  expect(limitOf(policy('2s'))).toBe(2_000);
  expect(limitOf(policy('2s'), patient('40s'))).toBe(40_000);
  expect(limitOf(patient('1s'))).toBe(15_000);
  expect(limitOf(patient('0s'))).toBe(0);
  expect(limitOf(abroad, mayName('atelier', 'notaire'), grant('atelier', 'notaire'))).toBe(15_000);
});

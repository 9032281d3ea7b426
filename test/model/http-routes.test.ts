/** Routes: which are in force and for whom, and what is refused, with the condition that a status writer would set. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import type { Problem } from '../../src/model/problem.ts';
import { grant, mesh, pod, referenceGrant, service, tenant } from './written.ts';

const world = [
  mesh(),
  tenant('shop'),
  tenant('annex'),
  tenant('bank'),
  pod('shop', 'api', '10.0.1.1'),
  pod('shop', 'v2', '10.0.1.2'),
  pod('shop', 'db', '10.0.1.3'),
  pod('annex', 'api', '10.0.2.1'),
  service('shop', 'api', '10.96.1.1', { app: 'api' }),
  service('shop', 'v2', '10.96.1.2', { app: 'v2' }),
  service('shop', 'db', '10.96.1.3', { app: 'db' }, 'tcp'),
  service('shop', 'pods', 'None', { app: 'v2' }),
  service('annex', 'api', '10.96.2.1', { app: 'api' }),
];

const toApi = 'parentRefs: [{group: "", kind: Service, name: api}]';
const toV2 = 'backendRefs: [{name: v2, port: 80}]';

/** @param rule one rule, in flow style. */
function route(rule = toV2, parents = toApi, name = 'route'): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}, namespace: shop}
spec:
  ${parents}
  rules: [{${rule}}]
`;
}

function read(...texts: readonly string[]) {
  const { objects, problems } = parseDocument([...world, ...texts].join('---\n'), 'mesh.yaml');
  const snapshot = buildSnapshot(objects);
  return { snapshot, problems: [...problems, ...snapshot.problems] };
}

function told({ severity, code, path, condition }: Problem): string {
  const said = condition === undefined ? '' : ` ${condition.type}=False ${condition.reason}`;
  return `${severity} ${code} ${path}${said}`;
}

describe('a route that is refused', () => {
  const unsupported = 'Accepted=False UnsupportedValue';
  test.each<[sentence: string, text: string, problem: string]>([
    [
      'names hosts',
      route(toV2, `${toApi}\n  hostnames: [api.example]`),
      `error unsupported-value spec.hostnames ${unsupported}`,
    ],
    [
      'has a filter',
      route(`filters: [{type: RequestRedirect}], ${toV2}`),
      `error unsupported-value spec.rules[0].filters ${unsupported}`,
    ],
    [
      'has a filter on a backend',
      route('backendRefs: [{name: v2, port: 80, filters: [{type: URLRewrite}]}]'),
      `error unsupported-value spec.rules[0].backendRefs[0].filters ${unsupported}`,
    ],
    [
      'compares by regular expression',
      route(`matches: [{path: {type: RegularExpression, value: /a}}], ${toV2}`),
      `error unsupported-value spec.rules[0].matches[0].path.type ${unsupported}`,
    ],
    [
      'compares a header by regular expression',
      route(`matches: [{headers: [{type: RegularExpression, name: a, value: b}]}], ${toV2}`),
      `error unsupported-value spec.rules[0].matches[0].headers[0].type ${unsupported}`,
    ],
    [
      'compares query parameters',
      route(`matches: [{queryParams: [{name: a, value: b}]}], ${toV2}`),
      `error unsupported-value spec.rules[0].matches[0].queryParams ${unsupported}`,
    ],
    [
      'matches CONNECT',
      route(`matches: [{method: CONNECT}], ${toV2}`),
      `error unsupported-value spec.rules[0].matches[0].method ${unsupported}`,
    ],
    ['retries', route(`retry: {attempts: 3}, ${toV2}`), `error unsupported-value spec.rules[0].retry ${unsupported}`],
    [
      'keeps sessions',
      route(`sessionPersistence: {sessionName: a}, ${toV2}`),
      `error unsupported-value spec.rules[0].sessionPersistence ${unsupported}`,
    ],
    [
      'has a field that nobody knows here',
      route(`mirror: all, ${toV2}`),
      `error unknown-field spec.rules[0].mirror ${unsupported}`,
    ],
    [
      'gives one try longer than all of them',
      route(`timeouts: {request: 1s, backendRequest: 2s}, ${toV2}`),
      `error bad-value spec.rules[0].timeouts.backendRequest ${unsupported}`,
    ],
    [
      'waits longer than a day',
      route(`timeouts: {request: 25h}, ${toV2}`),
      `error bad-value spec.rules[0].timeouts.request ${unsupported}`,
    ],
    [
      'names a Service without a port',
      route('backendRefs: [{name: v2}]'),
      `error missing-field spec.rules[0].backendRefs[0].port ${unsupported}`,
    ],
    [
      'speaks of more requests than fit',
      route(toV2, toApi).replace(
        /rules: .*/,
        `rules: [${Array(3)
          .fill(`{matches: [${Array(50).fill('{method: GET}').join()}], ${toV2}}`)
          .join()}]`,
      ),
      `error unsupported-value spec.rules ${unsupported}`,
    ],
    [
      'forgets the group of its parent',
      route(toV2, 'parentRefs: [{kind: Service, name: api}]'),
      'error route-not-attached spec.parentRefs[0].group Accepted=False NoMatchingParent',
    ],
    [
      'is for a service that is not there',
      route(toV2, 'parentRefs: [{group: "", kind: Service, name: apo}]'),
      'error route-not-attached spec.parentRefs[0].name Accepted=False NoMatchingParent',
    ],
    [
      'is for a port that is not there',
      route(toV2, 'parentRefs: [{group: "", kind: Service, name: api, port: 81}]'),
      'error route-not-attached spec.parentRefs[0].port Accepted=False NoMatchingParent',
    ],
    [
      'is for a section that is not there',
      route(toV2, 'parentRefs: [{group: "", kind: Service, name: api, sectionName: admin}]'),
      'error route-not-attached spec.parentRefs[0] Accepted=False NoMatchingParent',
    ],
    [
      'is for somebody else’s service',
      route(toV2, 'parentRefs: [{group: "", kind: Service, namespace: annex, name: api}]'),
      'error route-not-attached spec.parentRefs[0].namespace Accepted=False NotAllowedByListeners',
    ],
    [
      'is for a port of bytes',
      route(toV2, 'parentRefs: [{group: "", kind: Service, name: db}]'),
      'error route-not-attached spec.parentRefs[0] Accepted=False NotAllowedByListeners',
    ],
    [
      'is for a headless service',
      route(toV2, 'parentRefs: [{group: "", kind: Service, name: pods}]'),
      'error route-not-attached spec.parentRefs[0].name Accepted=False NotAllowedByListeners',
    ],
    [
      'is of a gateway, and another’s',
      route(toV2, 'parentRefs: [{name: edge}]'),
      'warning unknown-kind spec.parentRefs',
    ],
  ])('because it %s', (_sentence, text, problem) => {
    const { snapshot, problems } = read(text);
    expect(problems.map(told)).toEqual([problem]);
    expect([...snapshot.httpRoutes.keys()]).toEqual([]);
  });
});

describe('a backend that is answered 500', () => {
  const at = 'spec.rules[0].backendRefs[0]';
  const abroad = 'backendRefs: [{name: api, namespace: annex, port: 80}]';
  const named = referenceGrant('annex', 'r', 'shop', 'api');
  const notPermitted = `error backend-unresolved ${at} ResolvedRefs=False RefNotPermitted`;
  test.each<[sentence: string, texts: string[], problems: string[]]>([
    [
      'is of no kind that is carried',
      [route('backendRefs: [{kind: Bucket, group: storage.example, name: v2}]')],
      [`error backend-unresolved ${at}.kind ResolvedRefs=False InvalidKind`],
    ],
    [
      'is not there',
      [route('backendRefs: [{name: v3, port: 80}]')],
      [`error backend-unresolved ${at}.name ResolvedRefs=False BackendNotFound`],
    ],
    [
      'has no such port',
      [route('backendRefs: [{name: v2, port: 81}]')],
      [`error backend-unresolved ${at}.port ResolvedRefs=False BackendNotFound`],
    ],
    [
      'is headless',
      [route('backendRefs: [{name: pods, port: 80}]')],
      [`error backend-unresolved ${at}.name ResolvedRefs=False BackendNotFound`],
    ],
    [
      'carries bytes',
      [route('backendRefs: [{name: db, port: 80}]')],
      [`error backend-unresolved ${at}.port ResolvedRefs=False UnsupportedProtocol`],
    ],
    ['is abroad and not granted', [route(abroad)], [notPermitted]],
    [
      'is abroad and is not there, told alike',
      [route('backendRefs: [{name: nobody, namespace: annex, port: 80}]')],
      [notPermitted],
    ],
    [
      'is abroad and granted to another tenant',
      [route(abroad), named, grant('annex', 'g', 'bank', 'api')],
      [notPermitted],
    ],
    ['is abroad and may be named, and nobody may call it', [route(abroad), named], [notPermitted]],
    [
      'is abroad and may be called, and no route may name it',
      [route(abroad), grant('annex', 'g', 'shop', 'api')],
      [notPermitted],
    ],
    [
      'is abroad and another service of its namespace may be named',
      [route(abroad), referenceGrant('annex', 'r', 'shop', 'db'), grant('annex', 'g', 'shop', 'api')],
      [notPermitted],
    ],
    [
      'is abroad and routes of another namespace may name it',
      [route(abroad), referenceGrant('annex', 'r', 'bank', 'api'), grant('annex', 'g', 'shop', 'api')],
      [notPermitted],
    ],
    [
      'is abroad and granted to some of the callers',
      [
        route(abroad),
        named,
        grant('annex', 'g', 'shop', 'api').replace('{tenant: shop}', '{tenant: shop, serviceAccounts: [default]}'),
      ],
      [notPermitted],
    ],
    ['is abroad, named and granted: none', [route(abroad), named, grant('annex', 'g', 'shop', 'api')], []],
    [
      'is abroad, one of all that may be named there, and granted: none',
      [route(abroad), referenceGrant('annex', 'r', 'shop'), grant('annex', 'g', 'shop', 'api')],
      [],
    ],
    [
      'is at home, for callers who were granted the parent alone',
      [route(), grant('shop', 'g', 'bank', 'api')],
      [`warning backend-unresolved ${at}`],
    ],
    [
      'is at home and granted with the parent: none',
      [route(), grant('shop', 'g', 'bank', 'api'), grant('shop', 'h', 'bank', 'v2')],
      [],
    ],
    [
      'is abroad, for callers of a third tenant',
      [route(abroad), named, grant('annex', 'g', 'shop', 'api'), grant('shop', 'h', 'bank', 'api')],
      [`warning backend-unresolved ${at}`],
    ],
  ])('%s', (_sentence, texts, problems) => {
    const found = read(...texts);
    expect(found.problems.map(told)).toEqual(problems);
    expect([...found.snapshot.httpRoutes.keys()]).toEqual(['shop/route']);
  });
});

test('who needs two consents is told which of them is missing', () => {
  const toAnnex = route('backendRefs: [{name: api, namespace: annex, port: 80}]');
  const [named, granted] = [referenceGrant('annex', 'r', 'shop', 'api'), grant('annex', 'g', 'shop', 'api')];
  const asked = (...texts: readonly string[]) => read(toAnnex, ...texts).problems.map(({ advice }) => advice);
  expect(asked()).toEqual(['ask the owner of `annex` for a `ReferenceGrant` and a `Grant` to `shop`']);
  expect(asked(named)).toEqual(['ask the owner of `annex` for a `Grant` to `shop`']);
  expect(asked(granted)).toEqual(['ask the owner of `annex` for a `ReferenceGrant` to `shop`']);
  expect(asked(named, granted)).toEqual([]);
});

test('a grant of references is read in its later version too, and one that is in doubt opens nothing', () => {
  const toAnnex = route('backendRefs: [{name: api, namespace: annex, port: 80}]');
  const [named, granted] = [referenceGrant('annex', 'r', 'shop', 'api'), grant('annex', 'g', 'shop', 'api')];
  const backendOf = (text: string) =>
    read(toAnnex, granted, text).snapshot.httpRoutes.get('shop/route')?.rules[0]?.backends[0]?.to?.service;
  expect(backendOf(named)).toBe('annex/api');
  expect(backendOf(named.replace('v1beta1', 'v1'))).toBe('annex/api');
  expect(backendOf(named.replace('from:', 'unless: [{}]\n  from:'))).toBeUndefined();
  expect(backendOf(named.replace('kind: HTTPRoute', 'kind: TLSRoute'))).toBeUndefined();
  expect(backendOf(named.replace('kind: Service', 'kind: Secret'))).toBeUndefined();
});

test('a route in force says whom it leads, and in which words Gateway API means them', () => {
  const { snapshot, problems } = read(
    route(
      [
        'matches: [{path: {value: /v2//}, headers: [{name: X-B, value: b}, {name: x-a, value: a}, {name: x-b, value: c}]}, {path: {type: Exact, value: /v3/}, method: GET}]',
        'timeouts: {request: 1m30s, backendRequest: 0s}',
        'backendRefs: [{name: v2, port: 80, weight: 3}, {name: api, port: 80, weight: 0}]',
      ].join(', '),
      'parentRefs: [{group: core, kind: Service, name: v2}, {group: "", kind: Service, name: api, port: 80}, {name: edge}]',
    ),
  );
  expect(problems).toEqual([]);
  expect(snapshot.httpRoutes.get('shop/route')).toMatchObject({
    parents: [
      { service: 'shop/api', port: 80 },
      { service: 'shop/v2', port: 80 },
    ],
    rules: [
      {
        matches: [
          {
            path: { kind: 'prefix', path: '/v2' },
            headers: [
              { name: 'x-a', value: 'a' },
              { name: 'x-b', value: 'b' },
            ],
          },
          { path: { kind: 'exact', path: '/v3/' }, method: 'GET', headers: [] },
        ],
        backends: [{ to: { service: 'shop/v2', port: 80 }, weight: 3 }],
        requestTimeoutMs: 90_000,
        backendTimeoutMs: 0,
      },
    ],
  });
});

test('a rule without backends or matches is every request, answered 500', () => {
  const { snapshot, problems } = read(route('name: closed'));
  expect(problems).toEqual([]);
  expect(snapshot.httpRoutes.get('shop/route')?.rules).toEqual([
    { matches: [{ path: { kind: 'prefix', path: '/' }, headers: [] }], backends: [] },
  ]);
});

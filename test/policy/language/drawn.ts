/**
 * Random policies over one workload, written as YAML objects, and the requests that are put to them.
 *
 * The vocabulary is small, so that rules and requests meet, and odd, so that two readings of one thing differ.
 */
import fc from 'fast-check';
import type { Quarantine } from '../../../src/model/quarantine.ts';
import type { PortPolicy } from '../../../src/policy/port-policy.ts';
import type { TokenFacts } from '../../../src/policy/token.ts';
import { type InboundPort, type ProxyView, viewOf } from '../../../src/policy/view.ts';
import { type MeshObject, snapshotOf } from '../../fixtures/random-mesh.ts';

export interface RuleSketch {
  readonly from?: {
    readonly tenants?: readonly string[];
    readonly serviceAccounts?: readonly string[];
    readonly principals?: readonly string[];
  };
  readonly to?: {
    readonly methods?: readonly string[];
    readonly paths?: readonly string[];
    readonly ports?: readonly number[];
    readonly hosts?: readonly string[];
    readonly headers?: readonly HeaderSketch[];
  };
  readonly token?: {
    readonly provider?: string;
    readonly groups?: readonly string[];
    readonly claims?: readonly { readonly path: readonly string[]; readonly values: readonly string[] }[];
  };
  readonly when?: string;
  readonly notAfter?: string;
}

/** Ends of grants, rules and quarantines: when they are judged, the one is past and the other is not. */
const farAway = '2101-01-01T00:00:00Z';
export const longAgo = '2001-01-01T00:00:00Z';

export interface HeaderSketch {
  readonly name: string;
  readonly exact?: string;
  readonly prefix?: string;
  readonly present?: boolean;
}

export interface PolicySketch {
  readonly enforcement?: 'Enforce' | 'Audit';
  readonly allow?: readonly RuleSketch[];
  readonly deny?: readonly RuleSketch[];
  /** Nobody can understand it. */
  readonly broken?: true;
}

export interface GrantSketch {
  readonly accounts?: readonly string[];
  readonly to?: Omit<NonNullable<RuleSketch['to']>, 'ports'>;
  readonly when?: string;
  /** Long ago, where it is true. */
  readonly ended: boolean;
}

export interface Drawn {
  readonly defaultAccess: 'sameTenant' | 'none';
  readonly policies: readonly PolicySketch[];
  readonly grants: readonly GrantSketch[];
  /** Who is under quarantine; absent where nobody is. */
  readonly cutOff?: readonly CutOff[];
}

export interface CutOff {
  readonly tenant: string;
  readonly account: string;
  /** Whether its end is past, and no control plane has looked since. */
  readonly overdue: boolean;
}

const trustDomain = 'mesh.test';
export const port = 8_080;
export const owner = 'aurore';
/** Service account of the workload: who is called. */
export const ownAccount = 'adele';

export interface Asked {
  readonly tenant: string;
  readonly account: string;
  readonly method: string;
  /** As the client writes it. */
  readonly sent: string;
  /** As Envoy leaves it: what rules see. */
  readonly path: string;
  /** As sent; rules see it in its canonical form, or none. */
  readonly authority: string;
  readonly host?: string;
  /** Lines, one character a byte. */
  readonly headers: readonly (readonly [string, string])[];
  readonly token: TokenFacts;
}

const callers = [
  ['aurore', 'adele'],
  ['aurore', 'anton'],
  ['bastion', 'berthe'],
  ['bastion', 'boris'],
  ['cipres', 'celia'],
] as const;

export const callerIds: readonly string[] = callers.map(([tenant, account]) => spiffeId(tenant, account));

export function spiffeId(tenant: string, account: string): string {
  return `spiffe://${trustDomain}/ns/${tenant}/sa/${account}`;
}

/** What is sent, and what is left of it. Source: `test/e2e/policy-language.test.ts`, where Envoy itself says so. */
const paths: readonly (readonly [sent: string, seen: string])[] = [
  ...['/', '/admin', '/admin/', '/admin/x', '/admin;x', '/admin;x=1/y', '/admin%3Bx', '/administrator', '/Admin'],
  ...[
    '/documents',
    '/documents/',
    '/documents/7',
    '/documents/7/',
    '/documents/7;v=1',
    '/documents;x/7',
    '/documents/;x',
  ],
  ...['/documents/7/parts', '/documents/7;v/parts', '/a!b/c', '/a%21b/c', '/a%21b;/c', '/;x', '/;x/admin', '/admin/;x'],
  ...['/x/..%3B/admin', '/a%zz', '/a%', '/documents/%3bx', '/documents/%24', '/documents/a%20b'],
].map((path) => [path, path] as const);
const normalised: readonly (readonly [sent: string, seen: string])[] = [
  ['/adm%69n', '/admin'],
  ['//admin', '/admin'],
  ['/x/../admin', '/admin'],
  ['/%2e%2e;/admin', '/..;/admin'],
  ['/admin?x=/other', '/admin'],
  ['/other?/admin', '/other'],
];

const authorities: readonly (readonly [sent: string, host?: string])[] = [
  ['api.test', 'api.test'],
  ['API.Test:8080', 'api.test'],
  ['api.test.', 'api.test'],
  ['a.b.api.test', 'a.b.api.test'],
  ['notapi.test', 'notapi.test'],
  ['user@api.test'],
  ['api.test,api.test'],
  ['api.test:http'],
  ['[::1]:8080', '[::1]'],
];

const headerLists: readonly (readonly (readonly [string, string])[])[] = [
  [],
  [['x-team', 'red']],
  [['x-team', 'redder']],
  [['x-team', 'blue']],
  [['x-team', '']],
  [['x-team', 'red, blue']],
  [['x-team', 'blue ,red']],
  [
    ['x-team', 'red'],
    ['x-team', 'blue'],
  ],
  [
    ['x-team', 'blue'],
    ['x-team', 'red'],
  ],
  [
    ['x-team', 'red'],
    ['x-team', 'red'],
  ],
  [['x-team', 'red\xff']],
  [
    ['x-team', '\xfe'],
    ['x-team', 'red'],
  ],
  [['x-debug', '1']],
  [
    ['x-debug', '1'],
    ['x-team', 'red'],
  ],
];

const valid = {
  kind: 'valid',
  provider: 'staff',
  issuer: 'https://id.test',
  subject: 'u1',
  expiresAtMs: 1e15,
} as const;
const tokens: readonly TokenFacts[] = [
  { kind: 'none' },
  { kind: 'invalid', why: 'it has ended' },
  { ...valid, groups: ['eng', 'ops'], claims: { level: 3, dept: { name: 'law' }, roles: ['a', 'b'], ok: true } },
  { ...valid, groups: [], claims: { level: 1, roles: 'a' } },
  { ...valid, provider: 'guests', groups: ['eng'], claims: {} },
  {
    ...valid,
    groups: [],
    claims: { level: 3, dept: { name: 'law' } },
    untold: { groups: true, claims: ['groups', 'roles'], why: 'they are too many' },
  },
];

const methods = ['GET', 'POST'];

/** Weighted towards the plain, so that one odd thing at a time is tried as well. */
export const randomRequest: fc.Arbitrary<Asked> = fc
  .record({
    caller: fc.constantFrom(...callers.slice(0, 2), ...callers),
    method: fc.constantFrom(...methods),
    path: fc.constantFrom(...paths, ...normalised),
    authority: fc.oneof(
      { weight: 2, arbitrary: fc.constant(['api.test', 'api.test'] as const) },
      fc.constantFrom(...authorities),
    ),
    headers: fc.oneof(
      { weight: 1, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.constantFrom(...headerLists) },
    ),
    token: fc.constantFrom(...tokens),
  })
  .map(({ caller: [tenant, account], path: [sent, path], authority: [authority, host], ...rest }) => {
    const { method, headers, token } = rest;
    return { tenant, account, method, sent, path, authority, ...(host === undefined ? {} : { host }), headers, token };
  });

const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const pick = <T>(...values: readonly T[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 });
const rulePaths = [
  ...['/', '/admin', '/admin/*', '/admin/', '/documents/{id}', '/documents/{id}/parts', '/{any}', '/{any}/x'],
  ...['/a!b/*', '/documents/*', '/other', '/*'],
];

const header: fc.Arbitrary<HeaderSketch> = fc.oneof(
  fc.constantFrom('red', 'blue').map((exact) => ({ name: 'x-team', exact })),
  fc.constantFrom('red', 'b').map((prefix) => ({ name: 'x-team', prefix })),
  fc.tuple(fc.constantFrom('x-team', 'x-debug'), fc.boolean()).map(([name, present]) => ({ name, present })),
);

const token = fc
  .record({
    provider: some(fc.constantFrom('staff', 'guests')),
    groups: some(pick('eng', 'ops', 'sales')),
    claims: some(
      fc.constantFrom(
        [{ path: ['level'], values: ['3'] }],
        [{ path: ['dept', 'name'], values: ['law', 'art'] }],
        [{ path: ['roles'], values: ['a'] }],
        [
          { path: ['ok'], values: ['true'] },
          { path: ['roles'], values: ['b'] },
        ],
      ),
    ),
  })
  .map(compact)
  .filter((fields) => Object.keys(fields).length > 0);

/** Each condition with what it means, said again by hand: true, false, or an error. */
function isUntold(said: TokenFacts): boolean {
  return said.kind === 'valid' && said.untold !== undefined;
}

export const conditions: Readonly<Record<string, (asked: Asked) => boolean | 'error'>> = {
  'request.method == "GET"': ({ method }) => method === 'GET',
  'request.path.startsWith("/admin")': ({ path }) => path.startsWith('/admin'),
  'request.host == "api.test"': ({ host }) => host === 'api.test',
  'source.tenant == "aurore" && source.serviceAccount != "anton"': ({ tenant, account }) =>
    tenant === 'aurore' && account !== 'anton',
  '"red" in request.headers["x-team"]': ({ headers }) => {
    const lines = headers.filter(([name]) => name === 'x-team').map(([, value]) => value);
    if (lines.length === 0 || headers.some(([, value]) => /[\x80-\xff]/.test(value))) return 'error';
    return lines.some((line) => line.split(',').some((value) => value.trim() === 'red'));
  },
  '"eng" in token.groups': ({ token: said }) =>
    isUntold(said) || said.kind === 'invalid' ? 'error' : said.kind === 'valid' && said.groups.includes('eng'),
  '!token.valid': ({ token: said }) => (said.kind === 'invalid' ? 'error' : said.kind === 'none'),
  'token.claims.level >= 2': ({ token: said }) => {
    const level = said.kind === 'valid' ? said.claims['level'] : undefined;
    return typeof level === 'number' && !isUntold(said) ? level >= 2 : 'error';
  },
  'request.time < timestamp("2020-01-01T00:00:00Z")': () => false,
};

/** What rules and grants say of a request. */
const request = {
  methods: some(pick(...methods)),
  paths: some(pick(...rulePaths)),
  hosts: some(pick('api.test', '*.api.test', 'other.test')),
  headers: some(fc.array(header, { minLength: 1, maxLength: 2 })),
};
/** The same, a field at a time. */
const alone = Object.entries(request).map(([field, values]) => fc.record({ [field]: values }));
const when = fc.constantFrom(...Object.keys(conditions));

const tenants = ['aurore', 'bastion', 'cipres'];
const rule = (isDynamic: boolean): fc.Arbitrary<RuleSketch> =>
  fc
    .record({
      from: some(
        fc.oneof(
          pick(...tenants).map((names) => ({ tenants: names })),
          pick('adele', 'anton').map((serviceAccounts) => ({ serviceAccounts })),
          pick(...callerIds).map((principals) => ({ principals })),
          fc.constant({ serviceAccounts: ['anton'], tenants: ['bastion'] }),
        ),
      ),
      to: some(
        fc
          .record({ ...request, ports: some(fc.constantFrom([port], [9_090])) })
          .map(compact)
          .filter((fields) => Object.keys(fields).length > 0),
      ),
      token: isDynamic ? some(token) : fc.constant(undefined),
      when: isDynamic ? some(when) : fc.constant(undefined),
      notAfter: fc.oneof(
        { weight: 4, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(longAgo, farAway) },
      ),
    })
    .map(compact);

const policy: fc.Arbitrary<PolicySketch> = fc.boolean().chain((isDynamic) => {
  const rules = fc.array(rule(isDynamic), { minLength: 1, maxLength: 3 });
  return fc
    .record({
      enforcement: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.constantFrom('Audit', 'Enforce')),
      allow: some(rules),
      deny: some(rules),
      broken: fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, fc.constant(true)),
    })
    .map(compact)
    .filter((sketch) => 'allow' in sketch || 'deny' in sketch);
});

const grant: fc.Arbitrary<GrantSketch> = fc
  .record({
    accounts: some(fc.constantFrom(['berthe'], ['boris'])),
    // Mostly little is asked, so that some of what is asked for is let in.
    to: some(fc.oneof(...alone, fc.record(request)).map(compact)),
    when: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: when }),
    ended: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.constant(true)),
  })
  .map((fields) => ({ ...compact(fields), ended: fields.ended }));

export const randomPolicies: fc.Arbitrary<Drawn> = fc.record({
  defaultAccess: fc.constantFrom('sameTenant', 'none'),
  policies: fc.array(policy, { maxLength: 3 }),
  grants: fc.array(grant, { maxLength: 2 }),
});

const cutOff: fc.Arbitrary<CutOff> = fc
  .record({
    who: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...callers.filter(([, account]) => account !== ownAccount)) },
      // Nobody, and called almost as a caller is.
      { weight: 2, arbitrary: fc.constant(['aurore', 'anto'] as const) },
      { weight: 1, arbitrary: fc.constant([owner, ownAccount] as const) },
    ),
    overdue: fc.boolean(),
  })
  .map(({ who: [tenant, account], overdue }) => ({ tenant, account, overdue }));

/** Policies, and mostly nobody or else one or two who are cut off. */
export const randomQuarantined: fc.Arbitrary<Drawn> = fc
  .record({
    policies: randomPolicies,
    cutOff: fc.oneof(
      { weight: 2, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.uniqueArray(cutOff, { minLength: 1, maxLength: 2, selector: idOf }) },
    ),
  })
  .map(({ policies, ...others }) => ({ ...policies, ...compact(others) }));

/** Written for the one workload, `aurore/front` at its port. */
export function objectsOf({ defaultAccess, policies, grants }: Drawn): readonly MeshObject[] {
  return [
    ours('Mesh', { name: 'default' }, { trustDomain }),
    ...tenants.map((name) =>
      ours('Tenant', { name }, name === owner ? { ...own, defaultAccess } : { environment: 'prod' }),
    ),
    pod(owner, 'front', ownAccount, '10.1.0.1'),
    pod('aurore', 'back', 'anton', '10.1.0.2'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'amber', namespace: owner },
      spec: {
        clusterIP: '10.96.1.1',
        selector: { app: 'front' },
        ports: [{ name: 'http', port: 80, targetPort: port }],
      },
    },
    ...policies.map(({ broken, ...spec }, index) =>
      ours('AccessPolicy', { name: `p${index}`, namespace: owner }, broken === true ? { ...spec, denied: [] } : spec),
    ),
    ...grants.map(({ accounts, to, when: condition, ended }, index) =>
      ours(
        'Grant',
        { name: `g${index}`, namespace: owner },
        {
          from: compact({ tenant: 'bastion', serviceAccounts: accounts }),
          to: { service: 'amber', ...to },
          ...compact({ when: condition }),
          notAfter: ended ? longAgo : farAway,
          reason: 'drawn at random',
        },
      ),
    ),
  ];
}

const provider = (name: string) => ({
  ...{ name, preset: 'oidc', issuer: `https://${name}.test`, audiences: ['mesh'] },
});
const own = { environment: 'prod', identityProviders: [provider('staff'), provider('guests')] };

/** Compiled before any grant, rule or quarantine has ended, so that it is the enforcers who end them, or do not. */
export function viewDrawn(drawn: Drawn): ProxyView {
  const snapshot = snapshotOf(objectsOf(drawn), undefined, (drawn.cutOff ?? []).map(quarantineOf));
  const workload = snapshot.workloads.get('aurore/front');
  if (workload === undefined) throw new Error('the mesh has no workload `aurore/front`');
  return viewOf(snapshot, workload, 0);
}

export function doorIn({ inbound }: ProxyView): InboundPort {
  const found = inbound.find((each) => each.port === port);
  if (found === undefined) throw new Error(`the workload has no port ${port}`);
  return found;
}

export function policyIn(view: ProxyView): PortPolicy {
  return doorIn(view).policy;
}

function quarantineOf({ tenant, account, overdue }: CutOff): Quarantine {
  const untilMs = Date.parse(overdue ? longAgo : farAway);
  return { spiffeId: spiffeId(tenant, account), tenant, reason: 'an alarm', by: 'edr', sinceMs: 0, untilMs };
}

function idOf({ tenant, account }: CutOff): string {
  return spiffeId(tenant, account);
}

function ours(kind: string, metadata: MeshObject['metadata'], spec: unknown): MeshObject {
  return { apiVersion: 'coffre.dev/v1alpha1', kind, metadata, spec };
}

function pod(namespace: string, app: string, account: string, ip: string): MeshObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: app, namespace, labels: { app } },
    spec: { serviceAccountName: account },
    status: { podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function compact<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

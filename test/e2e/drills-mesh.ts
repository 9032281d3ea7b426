/**
 * Three tenants, twelve sidecars and a drill of each kind, for the tests that break things on purpose.
 *
 *   shop   web-0..2, jobs-0 ─▶ api-0..2 (three endpoints, a policy that ejects), bus-0 (opaque TCP)
 *   bank   desk-0, desk-1 ──grant──▶ shop/api          archive  clerk-0 ─▶ files-0
 */
import { documents, podText, serviceText } from './mesh-folder.ts';

export const sidecars = 12;

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: drill.test
  dns: { resolvers: [10.99.0.1] }
  drills: { secondPersonAbove: { percent: 100, callers: 20 }, probeTargets: ["http://10.99.9.10:8080"] }
`;

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: test }
`;

const pod = (namespace: string, name: string, account: string, address: string, port = 8_080) =>
  podText({ namespace, name, account, addresses: [address], ports: [port] });

const httpPort = 'name: http, port: 80, targetPort: 8080';

const policy = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: shop }
spec:
  service: api
  outlierDetection: { consecutive5xx: 3, interval: 200ms, baseEjectionTime: 1s, maxEjectionPercent: 50 }
  retries: { attempts: 2, retryOn: [connect-failure, gateway-error] }
`;

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-bank, namespace: shop }
spec: { from: { tenant: bank }, to: { service: api }, reason: the bank reads invoices }
`;

const everyMethod = '[openBreaker, throttleBreaker, abort, delay, ejectEndpoint]';

const consent = (
  namespace: string,
  bounds: { readonly services?: string; readonly from?: string; readonly to?: string },
) => `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: game-day, namespace: ${namespace} }
spec:
${bounds.services === undefined ? '' : `  asTarget: { services: ${bounds.services}, callerTenants: ${bounds.from}, methods: ${everyMethod}, maxDuration: 5m, maxPercent: 100 }`}
${bounds.to === undefined ? '' : `  asCaller: { targetTenants: ${bounds.to}, methods: ${everyMethod}, maxDuration: 5m, maxPercent: 100 }`}
`;

export interface DrillText {
  readonly namespace: string;
  readonly name: string;
  readonly service: string;
  readonly port?: number;
  /** In flow style. */
  readonly method: string;
  readonly callers: string;
  readonly percent?: number;
  /** In flow style; by default what a drill of any method keeps to. */
  readonly steadyState?: string;
  readonly abortOn?: string;
  readonly duration?: string;
  /** At least 3s where a probe asks for traffic. */
  readonly observe?: string;
}

/** Something that no method breaks: an application outside the mesh that goes on answering. */
const beacon =
  '{ name: beacon, source: { http: { url: "http://10.99.9.10:8080/" } }, tolerance: { atLeast: 1 }, interval: 500ms }';
const answered =
  '{ name: answered, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.9 }, phases: [before, after], interval: 200ms }';

export function drillText(drill: DrillText): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: ${drill.name}, namespace: ${drill.namespace} }
spec:
  hypothesis: the callers of ${drill.service} go on
  risk: ${drill.service} fails
  mitigation: what its callers have
  target: { service: ${drill.service}, port: ${drill.port ?? 80} }
  method: ${drill.method}
  blastRadius: { callers: ${drill.callers}, percent: ${drill.percent ?? 100} }
  steadyState: [${drill.steadyState ?? `${beacon}, ${answered}`}]
  abortOn: ${drill.abortOn ?? '[{ alert: CustomersSuffer }]'}
  duration: ${drill.duration ?? '1m'}
  observe: ${drill.observe ?? '3s'}
`;
}

export const drillFiles = {
  'mesh.yaml': mesh,
  'tenants.yaml': documents(tenant('shop'), tenant('bank'), tenant('archive')),
  'shop.yaml': documents(
    ...[0, 1, 2].map((index) => pod('shop', `web-${index}`, 'web', `10.99.1.${10 + index}`)),
    ...[0, 1, 2].map((index) => pod('shop', `api-${index}`, 'api', `10.99.1.${20 + index}`)),
    pod('shop', 'jobs-0', 'jobs', '10.99.1.30'),
    pod('shop', 'bus-0', 'bus', '10.99.1.40', 7_000),
    serviceText('shop', 'api', '10.96.1.1', 'api', httpPort),
    serviceText('shop', 'bus', '10.96.1.2', 'bus', 'name: tcp, port: 7000'),
    policy,
    grant,
    consent('shop', { services: '[api, bus]', from: '[shop, bank]', to: '[shop]' }),
  ),
  'bank.yaml': documents(
    ...[0, 1].map((index) => pod('bank', `desk-${index}`, 'desk', `10.99.2.${10 + index}`)),
    consent('bank', { to: '[shop]' }),
  ),
  'archive.yaml': documents(
    pod('archive', 'clerk-0', 'clerk', '10.99.3.10'),
    pod('archive', 'files-0', 'files', '10.99.3.20'),
    serviceText('archive', 'files', '10.96.3.1', 'files', httpPort),
    consent('archive', { services: '[files]', from: '[archive]', to: '[archive]' }),
  ),
  'outside.yaml': pod('outside', 'beacon', 'beacon', '10.99.9.10'),
  'drills.yaml': documents(
    drillText({
      namespace: 'shop',
      name: 'breaker',
      service: 'api',
      method: '{ openBreaker: {} }',
      callers: '[{ tenant: shop, serviceAccounts: [web] }]',
    }),
    drillText({
      namespace: 'shop',
      name: 'throttle',
      service: 'api',
      method: '{ throttleBreaker: { limit: 1 } }',
      callers: '[{ tenant: shop, serviceAccounts: [web] }]',
      steadyState: beacon,
    }),
    drillText({
      namespace: 'shop',
      name: 'bus',
      service: 'bus',
      port: 7_000,
      method: '{ openBreaker: {} }',
      callers: '[{ tenant: shop, serviceAccounts: [jobs] }]',
      steadyState: beacon,
    }),
    drillText({
      namespace: 'shop',
      name: 'errors',
      service: 'api',
      method: '{ abort: { status: 503, percent: 100 } }',
      callers: '[{ tenant: bank }]',
    }),
    drillText({
      namespace: 'archive',
      name: 'slow',
      service: 'files',
      method: '{ delay: { duration: 400ms, percent: 100 } }',
      callers: '[{ tenant: archive, serviceAccounts: [clerk] }]',
    }),
    drillText({
      namespace: 'shop',
      name: 'endpoint',
      service: 'api',
      method: '{ ejectEndpoint: { count: 1 } }',
      callers: '[{ tenant: shop, serviceAccounts: [web] }]',
    }),
    drillText({
      namespace: 'shop',
      name: 'breach',
      service: 'api',
      method: '{ abort: { status: 503, percent: 100 } }',
      callers: '[{ tenant: shop, serviceAccounts: [jobs] }]',
      steadyState: `{ name: answered, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.9 }, interval: 100ms }`,
      abortOn: '[{ probe: answered }]',
    }),
  ),
};

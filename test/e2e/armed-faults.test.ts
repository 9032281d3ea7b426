/**
 * Faults armed at a real inbound listener: what a drill's keys do to the caller they name, and to nobody and nothing else.
 *
 *   aurore/anton, aurore/adele, bastion/berthe (by grant) ──▶ Envoy: rules, then the fault ──▶ the application
 *
 * The keys come as the layer that a drill would lay over the proxy's; the rest of its configuration never moves.
 */
import { toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { configure } from '../../src/controller/configure.ts';
import { faultKeys } from '../../src/envoy/drill-keys.ts';
import { sniOf } from '../../src/envoy/names.ts';
import { regexLimits } from '../../src/envoy/regex-limits.ts';
import { runtimeOf } from '../../src/envoy/runtime.ts';
import { contentVersion, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { platform } from '../fixtures/configured.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { Callers, tenantOf } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';
import { sendRaw, type Target } from './differential/raw-http.ts';

const port = 8_080;
const anton = spiffeId('aurore', 'anton');
const adele = spiffeId('aurore', 'adele');
const berthe = spiffeId('bastion', 'berthe');
/** Allowed like anton, and without a consent of its tenant for anybody to strike it. */
const celia = spiffeId('cipres', 'celia');

const consent = (namespace: string, spec: string) => `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: drills, namespace: ${namespace} }
spec: { ${spec} }
`;
const grantTo = (caller: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-${caller}, namespace: aurore }
spec: { from: { tenant: ${caller} }, to: { service: adele }, reason: calls it }
`;
const bounds = 'methods: [abort, delay], maxDuration: 10m, maxPercent: 100';

const mesh = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: dynamicOnly } }
`,
  ...['aurore', 'bastion', 'cipres'].map((name) => tenant(name)),
  pod('aurore', 'adele', '10.1.0.1'),
  pod('aurore', 'anton', '10.1.0.2'),
  pod('bastion', 'berthe', '10.2.0.1'),
  pod('cipres', 'celia', '10.3.0.1'),
  service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
  grantTo('bastion'),
  grantTo('cipres'),
  consent(
    'aurore',
    `asTarget: { services: [adele], callerTenants: [aurore, bastion, cipres], ${bounds} }, asCaller: { targetTenants: [aurore], ${bounds} }`,
  ),
  consent('bastion', `asCaller: { targetTenants: [aurore], ${bounds} }`),
  `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: no-admin, namespace: aurore }
spec: { deny: [{ to: { paths: [/admin/*] } }] }
`,
);

/** Longest wait for a layer to be in force, in ms: a poll's bound. */
const forceMs = 20_000;

type Setting = readonly [key: string, value: number];

inLab('a fault that is armed', () => {
  let callers: Callers;
  let at: Target;
  let resources: ResourceSnapshot;
  beforeAll(async () => {
    callers = await Callers.issue();
    const sidecar = await OneSidecar.start();
    at = { sidecar, app: await sidecar.startApp('http', ['http:8080']), port };
    const { proxies } = configure(meshFrom(mesh), callers.trust, { ...platform, bypass }, 0);
    const configured = proxies.get('aurore/adele-1');
    if (configured === undefined) throw new Error('the sidecar was not configured');
    resources = configured;
    await lay();
  });
  afterAll(async () => {
    await at?.sidecar.stop();
    callers?.forget();
  });

  /** Resolves once Envoy has the layer in force. */
  const lay = async (...settings: readonly Setting[]): Promise<void> => {
    const { typeUrl, name, any } = runtimeOf(new Map(settings));
    const bytes = toBinary(AnySchema, any);
    const layer = new Map([[name, { typeUrl, name, any: bytes, version: contentVersion(bytes) }]]);
    await at.sidecar.publish({ ...resources, types: new Map(resources.types).set(typeUrls.runtime, layer) });
    const wanted = Object.fromEntries(
      [...Object.entries(regexLimits), ...settings].map(([key, value]) => [key, String(value)]),
    );
    await vi.waitFor(async () => expect(await inForce()).toEqual(wanted), { timeout: forceMs });
  };
  const inForce = async (): Promise<unknown> => {
    const { entries }: { entries: Record<string, { final_value: string }> } = JSON.parse(
      await at.sidecar.envoy.admin('/runtime'),
    );
    return Object.fromEntries(Object.entries(entries).map(([key, entry]) => [key, entry.final_value]));
  };
  afterEach(() => lay());

  /** @returns the answer's status and, behind it, how many requests the application saw. */
  const ask = async (who: string, path = '/ok', headers = ''): Promise<string> => {
    const bytes = `GET ${path} HTTP/1.1\r\nHost: callee\r\n${headers}Connection: close\r\n\r\n`;
    const options = { servername: sniOf(tenantOf(who)), ALPNProtocols: ['http/1.1'] };
    const { answers, seen } = await sendRaw(at, callers.of(who), bytes, options);
    return `${answers} ${seen.length}`;
  };
  const claiming = (who: string) =>
    `x-forwarded-client-cert: By=${adele};Hash=${'0'.repeat(64)};URI=${who}\r\nx-forwarded-client-cert: By=x;URI=${who}\r\n`;

  const ofAnton = faultKeys(port, 'aurore', 'anton');
  const ofBerthe = faultKeys(port, 'bastion', 'berthe');
  const ofCelia = faultKeys(port, 'cipres', 'celia');

  test('strikes nobody by itself', async () => {
    for (const who of [anton, adele, berthe, celia]) expect(await ask(who)).toBe('200 1');
  });

  test('strikes the caller that its keys name, with the status they say, and is gone with them', async () => {
    await lay([ofAnton.abortPercent, 100], [ofAnton.abortStatus, 418]);
    expect(await ask(anton)).toBe('418 0');
    for (const who of [adele, berthe, celia]) expect(await ask(who)).toBe('200 1');
    await lay([ofBerthe.abortPercent, 100]);
    expect(await ask(berthe)).toBe('503 0');
    expect(await ask(anton)).toBe('200 1');
    await lay();
    expect(await ask(berthe)).toBe('200 1');
  });

  test('strikes nobody whose tenant did not consent, whatever keys are laid', async () => {
    await lay([ofCelia.abortPercent, 100]);
    expect(await ask(celia)).toBe('200 1');
  });

  test('knows a caller by its certificate, and not by what the caller says of itself', async () => {
    await lay([ofAnton.abortPercent, 100]);
    expect(await ask(adele, '/ok', claiming(anton))).toBe('200 1');
    expect(await ask(berthe, '/ok', claiming(anton))).toBe('200 1');
    expect(await ask(anton, '/ok', claiming(adele))).toBe('503 0');
    expect(await ask(anton, `/ok?x=;URI=${adele}`)).toBe('503 0');
  });

  test('changes no decision: what the rules refuse is refused, before it could be struck', async () => {
    const refused = async () => [await ask(anton, '/admin/x'), await ask(berthe, '/admin/x')];
    expect(await refused()).toEqual(['403 0', '403 0']);
    await lay([ofAnton.abortPercent, 100], [ofBerthe.delayPercent, 100], [ofBerthe.delayMs, 60_000]);
    expect(await refused()).toEqual(['403 0', '403 0']);
    expect(await ask(spiffeId('aurore', 'nobody'), '/admin/x')).toBe('403 0');
  });

  test('holds a request back as long as its keys say', async () => {
    await lay([ofAnton.delayPercent, 100], [ofAnton.delayMs, 400]);
    const sinceMs = performance.now();
    expect(await ask(anton)).toBe('200 1');
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(399);
  });

  test('strikes no more at once than its keys say', async () => {
    await lay([ofAnton.abortPercent, 100], [ofAnton.maxActive, 0]);
    expect(await ask(anton)).toBe('200 1');
  });

  test('is moved by no header', async () => {
    const headers = [
      'abort-request: 503',
      'abort-request-percentage: 100',
      'delay-request: 60000',
      'throughput-response: 1',
    ];
    const steering = headers.map((header) => `x-envoy-fault-${header}\r\n`).join('');
    expect(await ask(anton, '/ok', steering)).toBe('200 1');
    expect(await ask(anton, '/ok', `${steering}x-envoy-downstream-service-cluster: x\r\n`)).toBe('200 1');
  });
});

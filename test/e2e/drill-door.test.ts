/** SEC-63: whoever should not begin a drill tries to, at the port where people come, with real certificates; four real Envoys. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasEnded, isEffective } from '../../src/lab/drill-control.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { type DrillText, drillText } from './drills-mesh.ts';
import { documents, meshFolder, podText, removeFolder, serviceText } from './mesh-folder.ts';
import { People } from './people.ts';
import { drillMs, owner, steadyBeacon, struck } from './struck-mesh.ts';

const sidecars = ['shop/web-0', 'shop/api-0', 'bank/desk-0', 'vault/box-0'];
const httpPort = 'name: http, port: 80, targetPort: 8080';

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: drill.test
  dns: { resolvers: [10.99.0.1] }
  authorization: { mode: dynamicOnly }
  drills: { maxDuration: 2m, protectedTenants: [vault], probeTargets: ["http://10.99.9.10:8080"] }
`;

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: test }
`;

const consent = (namespace: string, service: string) => `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: game-day, namespace: ${namespace} }
spec:
  asTarget: { services: [${service}], callerTenants: [${namespace}], methods: [openBreaker], maxDuration: 1h, maxPercent: 100 }
  asCaller: { targetTenants: [${namespace}], methods: [openBreaker], maxDuration: 1h, maxPercent: 100 }
`;

const drill = (name: string, more: Partial<DrillText> = {}) =>
  drillText({
    ...{ namespace: 'shop', name, service: 'api', method: '{ openBreaker: {} }', percent: 50 },
    ...{ callers: '[{ tenant: shop, serviceAccounts: [web] }]', steadyState: steadyBeacon, observe: '1s', ...more },
  });

const pod = (namespace: string, name: string, account: string, address: string) =>
  podText({ namespace, name, account, addresses: [address], ports: [8_080] });

/** Each in a file of its own, by which a problem of it is known. */
const bad = {
  'percent-0': drill('percent-0', { percent: 0 }),
  'percent-101': drill('percent-101', { percent: 101 }),
  vault: drill('vault', { namespace: 'vault', service: 'box', callers: '[{ tenant: vault }]' }),
  kube: drill('kube', { namespace: 'kube-system', service: 'kube-dns' }),
  us: drill('us', { namespace: 'coffre-system', service: 'authz' }),
  'from-us': drill('from-us', { callers: '[{ tenant: coffre-system, serviceAccounts: [authz] }]' }),
  'key-in-service': drill('key-in-service', { service: 'api.default.max_requests' }),
  'key-in-caller': drill('key-in-caller', {
    callers: '[{ tenant: shop, serviceAccounts: ["web.abort_percent"] }]',
  }),
  'raw-key': drill('raw-key', { method: '{ openBreaker: {}, runtime: { overload.max_connections: 0 } }' }),
} as const;

/** With another duration for the one that is edited. */
const drills = (other = '1m') =>
  documents(
    drill('small'),
    drill('other', { duration: other }),
    drill('wide', { percent: 100 }),
    drill('long', { duration: '5m' }),
  );

const files = {
  ...Object.fromEntries(Object.entries(bad).map(([name, text]) => [`${name}.yaml`, text])),
  'mesh.yaml': mesh,
  'tenants.yaml': documents(tenant('shop'), tenant('bank'), tenant('vault')),
  'pods.yaml': documents(
    pod('shop', 'web-0', 'web', '10.99.1.10'),
    pod('shop', 'api-0', 'api', '10.99.1.20'),
    pod('bank', 'desk-0', 'desk', '10.99.2.10'),
    pod('vault', 'box-0', 'box', '10.99.3.10'),
    pod('outside', 'beacon', 'beacon', '10.99.9.10'),
    serviceText('shop', 'api', '10.96.1.1', 'api', httpPort),
    serviceText('vault', 'box', '10.96.3.1', 'box', httpPort),
  ),
  'consents.yaml': documents(consent('shop', 'api'), consent('vault', 'box')),
  'drills.yaml': drills(),
};

describe('the door of drills', () => {
  const folder = meshFolder(files);
  let lab: MeshLab;
  let people: People;

  beforeAll(async () => {
    lab = await MeshLab.start({ folder });
    people = new People(lab);
    for (const [name, role, scope] of [
      ['ada', 'game-master', '--mesh'],
      ['bo', 'game-master', '--tenant=shop'],
      ['cy', 'game-master', '--tenant=bank'],
      ['dee', 'viewer', '--mesh'],
      ['eve', 'alerter', '--tenant=bank'],
    ] as const) {
      await people.issue(name, role, scope);
    }
    await lab.drills.whole(drillMs);
  });
  afterAll(async () => {
    await lab?.stop();
    removeFolder(folder);
  });

  const hashOf = async (name: string, key: string): Promise<string> => {
    const { status, body } = await people.post(name, 'drillPlan', { drill: key });
    expect({ status, body }).toMatchObject({ status: 200 });
    return body.hash ?? '';
  };
  const start = (name: string | undefined, key: string, planHash: string, headers: readonly string[] = []) =>
    people.post(name, 'drillStart', { drill: key, planHash }, headers);
  const over = (key: string) => lab.drills.until(key, 'its end', drillMs, hasEnded);
  const untouched = async () => expect(await struck(lab, sidecars)).toEqual([]);

  test('nobody without a certificate, no viewer and no page in a browser begins one', async () => {
    const hash = await hashOf('bo', 'shop/small');
    expect(await start(undefined, 'shop/small', hash)).toEqual({ status: 0, body: {} });
    expect(await start('dee', 'shop/small', hash)).toMatchObject({ status: 403, body: { code: 'role' } });
    expect(await people.post('dee', 'drillPlan', { drill: 'shop/small' })).toMatchObject({ status: 403 });
    for (const header of ['origin: https://evil.example', 'sec-fetch-site: cross-site']) {
      expect(await start('bo', 'shop/small', hash, [header])).toMatchObject({ status: 403, body: { code: 'browser' } });
    }
    expect(await lab.drills.plan('shop/small')).toMatchObject({ hash });
    await untouched();
  });

  test('to the game-master of another tenant a drill is not there, whatever is asked of it', async () => {
    const planHash = await hashOf('bo', 'shop/small');
    for (const method of ['drillPlan', 'drillApprove', 'drillStart', 'drillHalt', 'drill']) {
      const told = async (name: string) => {
        const more = method === 'drillHalt' ? { reason: 'x' } : /Approve|Start/.test(method) ? { planHash } : {};
        const said = await people.post('cy', method, { drill: name, ...more });
        return { ...said, body: JSON.stringify(said.body).replaceAll(name, '') };
      };
      const [there, nowhere] = [await told('shop/small'), await told('shop/nothing')];
      expect(there).toMatchObject({ status: 404 });
      expect(there).toEqual(nowhere);
    }
    expect(await people.post('cy', 'drills', {})).toEqual({ status: 200, body: [] });
    await untouched();
  });

  test('a start is of one plan and one run: sent again it begins nothing, nor does that of a plan of yesterday', async () => {
    const hash = await hashOf('bo', 'shop/small');
    const both = await Promise.all([start('bo', 'shop/small', hash), start('bo', 'shop/small', hash)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    await lab.drills.until('shop/small', 'an effective fault', drillMs, isEffective);
    const overlapping = await start('bo', 'shop/other', await hashOf('bo', 'shop/other'));
    expect(overlapping).toMatchObject({ status: 422, body: { message: expect.stringContaining('same edge') } });
    expect(await people.post('cy', 'drillHaltAll', { reason: 'mine alone' })).toEqual({ status: 200, body: [] });
    expect(await people.post('cy', 'drillRelease', {})).toMatchObject({ status: 422 });
    const alert = { alerts: [{ name: 'CustomersSuffer', state: 'firing' }] };
    expect(await people.post('eve', 'alerts', alert)).toEqual({ status: 200, body: { taken: 1 } });
    expect(await lab.drills.record('shop/small')).toMatchObject({ phase: 'running' });

    expect(await people.coffre('bo', 'drill', 'halt', 'shop/small', '--reason', 'enough')).toMatchObject({ code: 0 });
    expect(await over('shop/small')).toMatchObject({ phase: 'aborted', startedBy: 'bo', haltedBy: 'bo' });
    expect(await start('bo', 'shop/small', hash)).toMatchObject({ status: 409 });
    const yesterday = await hashOf('bo', 'shop/other');
    lab.write('drills.yaml', drills('90s'));
    await expect.poll(() => hashOf('bo', 'shop/other'), { timeout: drillMs }).not.toBe(yesterday);
    expect(await start('bo', 'shop/other', yesterday)).toMatchObject({ status: 409 });
    await untouched();
  });

  test('above the radius a second person approves, who is not the one that starts', async () => {
    const planHash = await hashOf('bo', 'shop/wide');
    const refused = { status: 422, body: { message: expect.stringContaining('second person') } };
    const approve = (name: string) => people.post(name, 'drillApprove', { drill: 'shop/wide', planHash });
    expect(await start('bo', 'shop/wide', planHash)).toMatchObject(refused);
    expect(await approve('bo')).toMatchObject({ status: 200 });
    expect(await start('bo', 'shop/wide', planHash)).toMatchObject(refused);
    expect(await approve('dee')).toMatchObject({ status: 403 });
    expect(await approve('cy')).toMatchObject({ status: 404 });
    await untouched();
    expect(await approve('ada')).toMatchObject({ status: 200 });
    expect(await start('bo', 'shop/wide', planHash)).toMatchObject({ status: 200 });
    await lab.drills.until('shop/wide', 'an effective fault', drillMs, isEffective);
    await lab.drills.halt('shop/wide', 'seen');
    expect(await over('shop/wide')).toMatchObject({ approvedBy: 'ada', startedBy: 'bo' });
    await untouched();
  });

  test('a drill that is longer than the cap is not planned', async () => {
    const said = await people.post('ada', 'drillPlan', { drill: 'shop/long' });
    expect(said).toMatchObject({ status: 422, body: { message: expect.stringContaining('the mesh allows 120 s') } });
  });

  test.each([
    { key: 'shop/percent-0', why: /percent/ },
    { key: 'shop/percent-101', why: /percent/ },
    { key: 'vault/vault', why: /`vault` is never drilled/ },
    { key: 'kube-system/kube', why: /`kube-system` is never drilled/ },
    { key: 'coffre-system/us', why: /`coffre-system` is never drilled/ },
    { key: 'shop/from-us', why: /`coffre-system` is never drilled/ },
    { key: 'shop/key-in-service', why: /no service `api\.default\.max_requests`|not well formed/ },
    { key: 'shop/key-in-caller', why: /abort_percent/ },
    { key: 'shop/raw-key', why: /`?runtime`?/ },
  ])('`$key` is no drill: its author is told why, and nobody can plan it', async ({ key, why }) => {
    expect(await people.post('ada', 'drillPlan', { drill: key })).toMatchObject({ status: 404 });
    const { problems } = await owner(lab, 'status', {});
    const file = `${key.slice(key.indexOf('/') + 1)}.yaml`;
    const told = problems.flatMap(({ where, text }) => (where.file === file ? [text] : []));
    expect(told.join('\n')).toMatch(why);
  });
});

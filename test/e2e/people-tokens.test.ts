/**
 * People and robots at a real door: tokens of real providers, judged by a real worker behind real Envoys, and each tenant's
 * by its own provider alone; through a rotation, with the control plane dead, with the provider dead, and at a restart
 * in which there is neither.
 *
 *   shop   web ─▶ api, by the issuer `shop`        bank   desk ─▶ ledger, by the issuer `bank`
 *
 * One lab, one test after another: each goes on where the last one left, and the later ones leave less alive. How long
 * stale keys are good is a day, so its end is held by `test/oidc` with a clock of its own.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { labHost } from '../../src/lab/addresses.ts';
import { parseCurl } from '../../src/lab/demo/curl-answer.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { coolDownMs } from '../../src/oidc/key-book.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import { signingKey } from '../oidc/support/token-forge.ts';
import { inLab } from './differential/in-lab.ts';
import { decisions, unauthorised } from './invariants.ts';
import { LabIssuer } from './lab-issuer.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';

const ports = { shop: 9_443, bank: 9_444 };
const orders = 'https://orders.test/';
const ledger = 'https://ledger.test/';
const web = 'shop/web-0';
const desk = 'bank/desk-0';

const tenant = (name: string, port: number, audience: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec:
  environment: test
  identityProviders: [{ name: staff, preset: oidc, issuer: "https://${labHost.ipv4}:${port}", audiences: ["${audience}"] }]
`;
const people = (namespace: string, app: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: people, namespace: ${namespace} }
spec:
  selector: { matchLabels: { app: ${app} } }
  allow:
    - { to: { paths: ["/orders/*"] }, token: { provider: staff } }
    - { to: { paths: ["/robots/*"] }, token: { groups: [robots] } }
    - { to: { paths: ["/open"] } }
`;
const privateProvider = (port: number) => `{ host: ${labHost.ipv4}, port: ${port}, addresses: [${labHost.ipv4}/32] }`;

const files = {
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: ${trustDomain}
  dns: { resolvers: [10.99.0.1] }
  privateProviders: [${privateProvider(ports.shop)}, ${privateProvider(ports.bank)}]
`,
  'tenants.yaml': documents(
    tenant('shop', ports.shop, orders),
    tenant('bank', ports.bank, ledger),
    people('shop', 'api'),
    people('bank', 'ledger'),
    podText({ namespace: 'shop', name: 'web-0', account: 'web', addresses: ['10.99.1.1'], ports: [8_080] }),
    podText({ namespace: 'shop', name: 'api-0', account: 'api', addresses: ['10.99.1.2'], ports: [8_080] }),
    podText({ namespace: 'bank', name: 'desk-0', account: 'desk', addresses: ['10.99.2.1'], ports: [8_080] }),
    podText({ namespace: 'bank', name: 'ledger-0', account: 'ledger', addresses: ['10.99.2.2'], ports: [8_080] }),
    serviceText('shop', 'api', '10.96.1.2', 'api', 'name: http, port: 80, targetPort: 8080'),
    serviceText('bank', 'ledger', '10.96.2.2', 'ledger', 'name: http, port: 80, targetPort: 8080'),
  ),
};

inLab('tokens of people', () => {
  const firstKey = signingKey('first');
  const secondKey = signingKey('second');
  const folder = meshFolder(files);
  let mesh: MeshLab;
  let shop: LabIssuer;
  let bank: LabIssuer;
  /** A robot's of the shop, by the first key. */
  let robot = '';

  beforeAll(async () => {
    const authority = await createTestAuthority();
    const leaf = await authority.issue({ type: 'ip', value: labHost.ipv4 });
    shop = new LabIssuer(ports.shop, leaf, orders);
    bank = new LabIssuer(ports.bank, leaf, ledger);
    const caFile = (dir: string) => join(dir, 'issuers-ca.pem');
    mesh = await MeshLab.start({
      folder,
      env: ({ privateDir }) => ({ NODE_EXTRA_CA_CERTS: caFile(privateDir) }),
      async prepare(lab) {
        writeFileSync(caFile(lab.privateDir), authority.caPem);
        await Promise.all([shop.start(lab, firstKey), bank.start(lab, signingKey('of-bank'))]);
      },
    });
    robot = await shop.tokenOf('robot');
  }, 120_000);

  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  afterEach(async () => {
    await expect.poll(() => unauthorised(mesh)).toEqual([]);
  });

  const ask = async (path: string, bearer?: string, from = web, to = 'api') => {
    const token = bearer === undefined ? [] : ['-H', `authorization: Bearer ${bearer}`];
    const argv = ['curl', '-si', '-m', '5', ...token, `http://${to}${path}`];
    const answer = parseCurl((await mesh.lab.run({ in: from, argv, confined: true, timeoutMs: 10_000 })).stdout);
    return { status: answer.status, decision: answer.header('x-coffre-decision'), body: answer.body };
  };
  /** Refused with this code in the record and these words for the caller, and nothing arrived. */
  const expectRefused = async (code: string, words: RegExp, path: string, bearer?: string) => {
    const before = mesh.pod('shop/api-0').app.requests().length;
    const { status, decision, body } = await ask(path, bearer);
    expect({ status, body }).toEqual({ status: 403, body: expect.stringMatching(words) });
    await expect.poll(() => decisions(mesh).find(({ id }) => id === decision)).toMatchObject({ reason: code });
    expect(mesh.pod('shop/api-0').app.requests().length).toBe(before);
  };
  const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;

  test('the keys of both providers are there before a token is, and the first of each tenant is let in by its own', async () => {
    for (const { issuer } of [shop, bank]) {
      await expect
        .poll(() => readFileSync(mesh.authzWorker.stderrPath, 'utf8'))
        .toMatch(new RegExp(`"issuer":"${issuer}".*"msg":"keys fetched"`));
    }
    expect(await statusOf('/orders/7', robot)).toBe(200);
    expect(await statusOf('/orders/7', await bank.tokenOf('robot'), desk, 'ledger')).toBe(200);
  });

  test('a token of the other tenant’s provider says nothing here', async () => {
    const others = await bank.tokenOf('robot');
    await expectRefused('token-invalid', /no identity provider of this tenant has the issuer/, '/orders/7', others);
  });

  test('no token, a spoilt one and one that has ended are refused, each by its name', async () => {
    await expectRefused('token-missing', /asks for a token that the request does not bring/, '/orders/7');
    const spoilt = `${robot.slice(0, -8)}AAAAAAAA`;
    await expectRefused('token-invalid', /signature of the token is not the issuer/, '/orders/7', spoilt);
    await expectRefused('token-invalid', /the token has expired/, '/orders/7', shop.expiredToken());
    expect(await statusOf('/open')).toBe(200);
  });

  test('a rule of a group lets in its members, and others with a token as good are refused', async () => {
    const guest = await shop.tokenOf('guest');
    expect(await statusOf('/robots/7', robot)).toBe(200);
    expect(await statusOf('/orders/7', guest)).toBe(200);
    await expectRefused('no-allow-rule', /no rule allows it/, '/robots/7', guest);
  });

  test('a person in more groups than a token holds is let in by rules that ask for none', async () => {
    const overage = shop.overageToken();
    expect(await statusOf('/orders/7', overage)).toBe(200);
    await expectRefused('token-untold', /the groups were not in the token: overage/, '/robots/7', overage);
  });

  test('when the provider changes its keys the new ones are found, and tokens of the old ones end', {
    timeout: 3 * coolDownMs,
  }, async () => {
    await shop.start(mesh.lab, secondKey);
    const renewed = await shop.tokenOf('robot');
    await expect.poll(() => statusOf('/orders/7', renewed), { timeout: 2 * coolDownMs, interval: 500 }).toBe(200);
    await expectRefused('token-invalid', /no key of the issuer has the id/, '/orders/7', robot);
    robot = renewed;
  });

  test('with control plane and provider dead tokens are judged as before by the keys that are held', async () => {
    const guest = await shop.tokenOf('guest');
    await mesh.killControlPlane();
    await shop.kill();
    expect(await statusOf('/orders/7', robot)).toBe(200);
    expect(await statusOf('/orders/7', guest)).toBe(200);
    await expectRefused('no-allow-rule', /no rule allows it/, '/robots/7', guest);
    await expectRefused('token-invalid', /the token has expired/, '/orders/7', shop.expiredToken());
  });

  test('a worker that begins with neither says so, refuses who needs those keys, and serves all others', async () => {
    const others = await bank.tokenOf('robot');
    await mesh.killAuthzWorker();
    await mesh.startAuthzWorker();
    await expect
      .poll(() => readFileSync(mesh.authzWorker.stderrPath, 'utf8'))
      .toMatch(new RegExp(`"issuer":"${shop.issuer}".*"meanwhile":"none".*"msg":"keys failed"`));
    await expect.poll(() => statusOf('/open'), { timeout: 20_000 }).toBe(200);
    await expectRefused(
      'token-invalid',
      /the keys of the issuer cannot be had: connect ECONNREFUSED/,
      '/orders/7',
      robot,
    );
    expect(await statusOf('/orders/7', others, desk, 'ledger')).toBe(200);
  });

  test('and believes them again when the provider is back', { timeout: 3 * coolDownMs }, async () => {
    await shop.start(mesh.lab, secondKey);
    await expect.poll(() => statusOf('/orders/7', robot), { timeout: 2 * coolDownMs, interval: 500 }).toBe(200);
  });
});

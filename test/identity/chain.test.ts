/** Chains of ours before a real verifier (OpenSSL, by Node's TLS): what is accepted, and what a thief of one CA cannot do. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import type { CertificateProfile } from '../../src/identity/certificate-profile.ts';
import { readKeyPair } from '../../src/identity/key-pair.io.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { Redacted } from '../../src/identity/redacted.ts';
import { dayMs, fakePorts, hourMs } from './fake-ports.ts';
import { forge, stolenIssuer } from './forge.ts';
import { present, type Side } from './handshake.ts';
import { temporaryFolder } from './temporary-folder.ts';

const cart = 'spiffe://mesh.example/ns/shop/sa/cart';
const ledger = 'spiffe://mesh.example/ns/bank/sa/ledger';

async function mesh(nowMs: number = Date.now()) {
  const ports = fakePorts(nowMs); // issued by the injected clock, verified by the machine's
  const stateFolder = await temporaryFolder();
  const authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports });
  await authority.ensure({ tenants: [], spiffeIds: [cart, ledger], leafLifetimeMs: dayMs });
  return { authority, ports, stateFolder };
}

function named(type: 'dns' | 'url' | 'ip', value: string): Partial<CertificateProfile> {
  return { alternativeNames: [{ type, value }] };
}

function side(leaf: Leaf | undefined): Side {
  if (leaf === undefined) throw new Error('no leaf');
  return { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}

test('a leaf is accepted by who trusts the root, and by who trusts its intermediate alone', async () => {
  const { authority } = await mesh();
  for (const anchor of [authority.rootPem, authority.bundlePem('shop') ?? '']) {
    expect(await present(side(authority.leaf(cart)), anchor)).toEqual({
      kind: 'accepted',
      alternativeName: `URI:${cart}`,
    });
  }
});

test('a leaf is refused by who trusts another tenant alone', async () => {
  const { authority } = await mesh();
  const refusal = await present(side(authority.leaf(cart)), authority.bundlePem('bank') ?? '');
  expect(refusal).toEqual({ kind: 'refused', reason: 'unable to get local issuer certificate' });
});

test('FLT-06 SEC-31 an expired leaf is refused', async () => {
  const { authority } = await mesh(Date.now() - 25 * hourMs);
  for (const anchor of [authority.rootPem, authority.bundlePem('shop') ?? '']) {
    expect(await present(side(authority.leaf(cart)), anchor)).toEqual({
      kind: 'refused',
      reason: 'certificate has expired',
    });
  }
});

test('a leaf that is not valid yet is refused', async () => {
  const { authority } = await mesh(Date.now() + hourMs);
  expect(await present(side(authority.leaf(cart)), authority.rootPem)).toEqual({
    kind: 'refused',
    reason: 'certificate is not yet valid',
  });
});

test('a peer whose clock is a minute late accepts a fresh leaf', async () => {
  const { authority } = await mesh(Date.now() + 60_000);
  expect((await present(side(authority.leaf(cart)), authority.rootPem)).kind).toBe('accepted');
});

test('the control plane is accepted under its own name, and under no other', async () => {
  const { authority } = await mesh();
  const server = side(authority.serverCredentials());
  expect((await present(server, authority.rootPem, 'coffre.mesh.coffre')).kind).toBe('accepted');
  expect((await present(server, authority.rootPem, 'other.mesh.coffre')).kind).toBe('refused');
});

/** What somebody who holds one CA's key may try, and what a peer that trusts the root says to it. */
const thefts: readonly [string, string, Partial<CertificateProfile>, string][] = [
  ['a tenant CA', 'give its own tenant a name (the control of this table)', {}, 'accepted'],
  ['a tenant CA', 'pose as the control plane', named('dns', 'coffre.mesh.coffre'), 'excluded subtree violation'],
  ['a tenant CA', 'name an address', named('ip', '10.0.0.1'), 'excluded subtree violation'],
  [
    'a tenant CA',
    'name another trust domain',
    named('url', 'spiffe://other.example/ns/shop/sa/a'),
    'permitted subtree violation',
  ],
  [
    'a tenant CA',
    'name a subdomain',
    named('url', 'spiffe://a.mesh.example/ns/shop/sa/a'),
    'permitted subtree violation',
  ],
  ['the control-plane CA', 'name a workload', named('url', cart), 'permitted subtree violation'],
  ['the control-plane CA', 'name a host (the control of this table)', named('dns', 'coffre.mesh.coffre'), 'accepted'],
];

test.each(thefts)('whoever stole %s and tries to %s is judged rightly', async (owner, _attempt, changes, verdict) => {
  const { authority, ports, stateFolder } = await mesh();
  const thief = await stolenIssuer(stateFolder, owner === 'a tenant CA' ? 'tenants/shop' : 'control-plane', ports);
  const result = await present(await forge(thief, changes, ports), authority.rootPem);
  expect(result.kind === 'accepted' ? result.kind : result.reason).toBe(verdict);
});

test('whoever stole a tenant CA and poses as the control plane is refused where only its own CA is believed', async () => {
  const { authority, ports, stateFolder } = await mesh();
  const anchor = authority.bundlePem('coffre-system') ?? '';
  const name = 'spiffe://mesh.example/ns/coffre-system/sa/coffre';
  expect((await present(side(authority.clientCredentials()), anchor)).kind).toBe('accepted');
  const thief = await stolenIssuer(stateFolder, 'tenants/shop', ports);
  const forged = await forge(thief, named('url', name), ports);
  // The root would take it: no name constraint reaches into a path, which is why the door trusts one CA alone.
  expect(await present(forged, authority.rootPem)).toEqual({ kind: 'accepted', alternativeName: `URI:${name}` });
  expect((await present(forged, anchor)).kind).toBe('refused');
});

test('whoever stole a tenant CA cannot make another CA', async () => {
  const { authority, ports, stateFolder } = await mesh();
  const thief = await stolenIssuer(stateFolder, 'tenants/shop', ports);
  const subordinate = await forge(
    thief,
    { authority: { pathLength: 0, constraints: null }, keyUsages: ['keyCertSign'], alternativeNames: [] },
    ports,
  );
  const pem = subordinate.certificateChainPem.split(/(?<=-----END CERTIFICATE-----\n)/)[0] ?? '';
  const keys = await readKeyPair(new Redacted(subordinate.privateKeyPem));
  const forged = await forge({ certificate: { ...thief.certificate, pem }, keys }, {}, ports);
  const chain = { ...forged, certificateChainPem: forged.certificateChainPem + thief.certificate.pem };
  expect(await present(chain, authority.rootPem)).toEqual({
    kind: 'refused',
    reason: 'path length constraint exceeded',
  });
});

test('a leaf carries one URI, no common name, both usages, a positive serial and no CA right', async () => {
  const { authority } = await mesh();
  const leaf = authority.leaf(cart);
  const certificate = new X509Certificate(leaf?.certificateChainPem ?? '');
  expect({
    subject: certificate.subject,
    names: certificate.subjectAltName,
    usages: certificate.keyUsage,
    ca: certificate.ca,
    curve: certificate.publicKey.asymmetricKeyDetails?.namedCurve,
  }).toEqual({
    subject: undefined,
    names: `URI:${cart}`,
    usages: ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1'],
    ca: false,
    curve: 'prime256v1',
  });
  expect(certificate.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  expect((leaf?.certificateChainPem.match(/BEGIN CERTIFICATE/g) ?? []).length).toBe(2);
});

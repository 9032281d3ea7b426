/** What is kept of certificates and rotations, with a real CA in a folder. */
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { type EvidentAuthority, recordCertificates } from '../../src/controller/evidence-of-certificates.io.ts';
import { recordRotations } from '../../src/controller/evidence-of-rotations.io.ts';
import type { PublishedTrust } from '../../src/controller/rotations.ts';
import type { EnsureFailure, RotationStatus } from '../../src/identity/authority.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { listeningTeller } from '../evidence/teller.ts';
import { fakePorts, hourMs } from '../identity/fake-ports.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

const trustDomain = 'mesh.test';
const web = `spiffe://${trustDomain}/ns/shop/sa/web`;
const wanted = { tenants: ['shop'], spiffeIds: [web], leafLifetimeMs: 24 * hourMs };

async function started(stateFolder: string, agedMs = 0) {
  const teller = listeningTeller();
  teller.clock.advance(agedMs);
  const ports = fakePorts(teller.clock.nowMs());
  const authority = await openAuthority({ stateFolder, trustDomain, ports });
  const ensure = recordCertificates(teller, authority);
  const advance = (ms: number) => {
    teller.clock.advance(ms);
    ports.clock.advance(ms);
  };
  return { teller, authority, ensure, advance };
}

test('a leaf is issued once and renewed at half life, with its serial and its end', async () => {
  const { teller, authority, ensure, advance } = await started(await temporaryFolder());
  await ensure(wanted);
  const leaf = authority.leaf(web);
  const certificate = new X509Certificate(leaf?.certificateChainPem ?? '');
  const ofWeb = () => teller.heard().filter((event) => event.kind === 'certificate' && event.subject === web);
  expect(ofWeb()).toMatchObject([
    {
      ...{ kind: 'certificate', what: 'issued', tenant: 'shop', notAfterMs: leaf?.notAfterMs },
      serial: certificate.serialNumber.toLowerCase(),
    },
  ]);
  await ensure(wanted);
  expect(ofWeb()).toEqual([]);
  advance(14 * hourMs);
  await ensure(wanted);
  expect(ofWeb()).toMatchObject([{ what: 'renewed', notAfterMs: authority.leaf(web)?.notAfterMs }]);
});

test('the control plane’s own certificates are told as well', async () => {
  const { teller, ensure } = await started(await temporaryFolder());
  await ensure(wanted);
  const subjects = teller.heard().map((event) => event.kind === 'certificate' && `${event.tenant} ${event.subject}`);
  expect(subjects).toEqual([
    'coffre-system coffre.mesh.coffre',
    `coffre-system spiffe://${trustDomain}/ns/coffre-system/sa/coffre`,
    `shop ${web}`,
  ]);
});

test('what an earlier process issued is not told again by the next one', async () => {
  const folder = await temporaryFolder();
  await (await started(folder)).ensure(wanted);
  const { teller, ensure } = await started(folder, hourMs);
  await ensure(wanted);
  expect(teller.heard()).toEqual([]);
});

test('what cannot be issued is told once for each cause, and again when it failed anew', async () => {
  const teller = listeningTeller();
  const failures: EnsureFailure[] = [];
  const authority: EvidentAuthority = {
    trustDomain,
    ensure: async () => ({ changed: false, failures: [...failures] }),
    leaf: () => undefined,
    clientCredentials: () => undefined,
    serverCredentials: () => undefined,
  };
  const ensure = recordCertificates(teller, authority);
  const full = { name: 'leaves/shop/web', cause: new Error('no space left') };
  for (const now of [
    [full],
    [full],
    [],
    [full],
    [{ ...full, cause: 'denied' }],
    [{ name: 'tenants/shop', cause: 'x' }],
  ]) {
    failures.splice(0, failures.length, ...now);
    await ensure(wanted);
  }
  expect(teller.heard()).toMatchObject([
    { what: 'failed', subject: web, tenant: 'shop', detail: 'no space left' },
    { what: 'failed', subject: web, detail: 'no space left' },
    { what: 'failed', subject: web, detail: 'denied' },
    { what: 'failed', subject: 'tenants/shop', tenant: 'coffre-system', detail: 'x' },
  ]);
});

test('a rotation is told when it begins, is turned round, and ends, and not at its steps', async () => {
  const teller = listeningTeller();
  const turned: PublishedTrust[] = [];
  const rotations = recordRotations(teller, {
    underway: () => [],
    turn: async (published) => turned.push(published),
  });
  const rotation: RotationStatus = {
    ...{ tenant: 'shop', step: 'trusted', sinceMs: 1, aborted: false, leaving: 'AA', staying: 'BB' },
  };
  const back: RotationStatus = { ...rotation, aborted: true, leaving: 'BB', staying: 'AA' };
  for (const now of [[], [rotation], [{ ...rotation, step: 'used' as const }], [back], []]) {
    await rotations.turn({ rotations: now, told: new Map(), untold: [], leafLifetimeMs: 1 }, 1);
  }
  expect(turned).toHaveLength(5);
  expect(teller.heard()).toMatchObject([
    { what: 'rotation-began', tenant: 'shop', subject: 'CA of tenant shop', detail: 'BB is to replace AA' },
    { what: 'rotation-aborted', detail: 'AA comes back for BB' },
    { what: 'rotation-ended', detail: 'AA stays' },
  ]);
});

test('a rotation that a restart found under way did not begin then', async () => {
  const teller = listeningTeller();
  const rotations = recordRotations(teller, { underway: () => [], turn: async () => Infinity });
  const rotation: RotationStatus = {
    ...{ tenant: 'shop', step: 'used', sinceMs: 1, aborted: false, leaving: 'AA', staying: 'BB' },
  };
  for (let turn = 0; turn < 2; turn += 1) {
    await rotations.turn({ rotations: [rotation], told: new Map(), untold: [], leafLifetimeMs: 1 }, 1);
  }
  expect(teller.heard()).toEqual([]);
});

/** Grants of volumes: which are in force, which are not and why, and that none of them opens a service. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { mesh, tenant } from './written.ts';

const nowMs = Date.parse('2027-01-01T00:00:00Z');

function grantOf(spec: object): string {
  const metadata = { name: 'archive', namespace: 'shop' };
  return JSON.stringify({ apiVersion: 'coffre.dev/v1alpha1', kind: 'Grant', metadata, spec });
}

const from = { tenant: 'billing' };
const reason = 'the yearly audit';
const sound = { from, to: { volume: 'archive' }, reason };

function built(spec: object, atMs = nowMs) {
  const texts = [mesh(), tenant('shop'), tenant('billing'), tenant('trial', 'staging'), grantOf(spec)];
  const read = texts.map((text) => parseDocument(text, 'mesh.yaml'));
  const snapshot = buildSnapshot(
    read.flatMap(({ objects }) => objects),
    atMs,
  );
  return { ...snapshot, problems: [...read.flatMap(({ problems }) => problems), ...snapshot.problems] };
}

test('a grant of a volume is in force, and opens no service', () => {
  const { volumeGrants, grants, problems } = built({ ...sound, notAfter: '2027-06-01T00:00:00Z' });
  expect([...volumeGrants.values()]).toEqual([
    {
      key: 'shop/archive',
      tenant: 'shop',
      name: 'archive',
      from,
      claim: 'archive',
      notAfterMs: Date.parse('2027-06-01T00:00:00Z'),
      reason,
      where: { file: 'mesh.yaml', line: 1 },
    },
  ]);
  expect({ grants: grants.size, problems }).toEqual({ grants: 0, problems: [] });
});

test('one that ended is told, and moves the revision', () => {
  const ending = { ...sound, notAfter: '2026-06-01T00:00:00Z' };
  const ended = built(ending);
  expect(ended.revision).not.toBe(built(ending, Date.parse('2026-05-31T00:00:00Z')).revision);
  expect(ended.volumeGrants.size).toBe(0);
  expect(ended.problems).toMatchObject([{ code: 'expired-grant', severity: 'warning', path: 'spec.notAfter' }]);
});

describe('no volume is granted', () => {
  test.each([
    ['to oneself', { ...sound, from: { tenant: 'shop' } }, 'self-grant', 'spec.from.tenant'],
    ['to nobody', { ...sound, from: { tenant: 'nobody' } }, 'dangling-reference', 'spec.from.tenant'],
    ['across environments', { ...sound, from: { tenant: 'trial' } }, 'environment-wall', 'spec.from.tenant'],
    ['by naming nothing', { ...sound, to: {} }, 'missing-field', 'spec.to'],
    ['with a service', { ...sound, to: { volume: 'archive', service: 'api' } }, 'bad-value', 'spec.to.service'],
    ['on ports', { ...sound, to: { volume: 'archive', ports: [80] } }, 'bad-value', 'spec.to.ports'],
    [
      'to one account',
      { ...sound, from: { tenant: 'billing', serviceAccounts: ['auditor'] } },
      'bad-value',
      'spec.from.serviceAccounts',
    ],
    ['under a condition', { ...sound, when: 'request.method == "GET"' }, 'bad-value', 'spec.when'],
  ])('%s', (_, spec, code, path) => {
    const { volumeGrants, problems } = built(spec);
    expect(volumeGrants.size).toBe(0);
    expect(problems).toMatchObject([{ code, path, severity: 'error' }]);
  });
});

test('the classes that a tenant demands are in the snapshot, and without a demand there are none', () => {
  const text = `${mesh()}---\n${tenant('shop', 'prod', 'encryptedStorageClasses: [safe]')}---\n${tenant('billing')}`;
  const { tenants } = buildSnapshot(parseDocument(text, 'mesh.yaml').objects, nowMs);
  expect(tenants.get('shop')?.encryptedStorageClasses).toEqual(new Set(['safe']));
  expect(tenants.get('billing')?.encryptedStorageClasses).toBeUndefined();
});

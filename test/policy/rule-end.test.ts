/** A rule with `notAfter` is judged by the clock of whoever judges: the same compiled value, before its end and after. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom, objectsFrom } from '../fixtures/mesh-from.ts';
import { atelier, atelierPolicy as policy, twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const endMs = Date.UTC(2027, 0, 31, 18);
const end = 'notAfter: "2027-01-31T19:00:00+01:00"';
const [from, to, request] = [atelier.web, 'atelier/api-1:8080', 'GET /'];

test('an allow rule lets in until its end, and its end opens no default', () => {
  const mesh = meshFrom(documents(twoTenants, policy(`{ allow: [{ from: { serviceAccounts: [web] }, ${end} }] }`)));
  const ended = 'deny rule-expired access-policy/atelier/p/allow/0';
  expectDecisions(mesh, [
    { from, to, request, atMs: endMs - 1, want: 'allow access-policy/atelier/p/allow/0' },
    { from, to, request, atMs: endMs, want: ended },
    { from: atelier.api, to, request, atMs: endMs - 1, want: 'deny no-allow-rule' },
    { from: atelier.api, to, request, atMs: endMs, want: 'deny no-allow-rule' },
    { from, to: 'atelier/db-1:5432', atMs: endMs - 1, want: 'allow access-policy/atelier/p/allow/0' },
    { from, to: 'atelier/db-1:5432', atMs: endMs, want: ended },
  ]);
});

test('beside one that has ended, another rule allows', () => {
  const rules = `{ allow: [{ from: { serviceAccounts: [web] }, ${end} }, { to: { methods: [GET] } }] }`;
  expectDecisions(meshFrom(documents(twoTenants, policy(rules))), [
    { from, to, request, atMs: endMs, want: 'allow access-policy/atelier/p/allow/1' },
    { from, to, request: 'PUT /', atMs: endMs, want: 'deny rule-expired access-policy/atelier/p/allow/0' },
  ]);
});

test('a deny rule refuses until its end, and is then as if it were not there', () => {
  const denied = 'deny deny-rule access-policy/atelier/p/deny/0';
  const rules = `{ deny: [{ to: { paths: ["/"] }, ${end} }] }`;
  expectDecisions(meshFrom(documents(twoTenants, policy(rules))), [
    { from, to, request, atMs: endMs - 1, want: denied },
    { from, to, request, atMs: endMs, want: 'allow tenant/atelier/default' },
    { from, to: 'atelier/db-1:5432', atMs: endMs - 1, want: denied },
    { from, to: 'atelier/db-1:5432', atMs: endMs, want: 'allow tenant/atelier/default' },
  ]);
});

describe('who may connect to an opaque port', () => {
  test.each([
    ['allow', [atelier.web], []],
    ['deny', [atelier.api, atelier.db], [atelier.api, atelier.db, atelier.web]],
  ])('is another list after the end of an `%s`', (effect, before, after) => {
    const rules = `{ ${effect}: [{ from: { serviceAccounts: [web] }, ${end} }] }`;
    const peersAt = (nowMs: number) => {
      const mesh = buildSnapshot(objectsFrom(documents(twoTenants, policy(rules))), nowMs);
      const database = mesh.workloads.get('atelier/db-1') ?? expect.fail('there is no database');
      return viewOf(mesh, database, nowMs).inbound[0]?.callers[0]?.spiffeIds;
    };
    expect(peersAt(endMs - 1)).toEqual(before);
    expect(peersAt(endMs)).toEqual(after);
  });
});

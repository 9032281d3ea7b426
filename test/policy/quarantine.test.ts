/** An identity under quarantine calls nobody and is called by nobody, and nobody else is touched. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { denyRules } from '../../src/envoy/rbac.ts';
import { standingAt } from '../../src/model/quarantine.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { decide } from '../../src/policy/decide.ts';
import { programOf, readProgram } from '../../src/policy/program.ts';
import { tellReason } from '../../src/policy/tell-reason.ts';
import { viewOf } from '../../src/policy/view.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { momentsMs, principals, randomMesh, randomTestMs, snapshotOf, tenants } from '../fixtures/random-mesh.ts';
import { quarantined, randomQuarantines } from '../fixtures/random-quarantines.ts';
import { atelier, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';
import { type Asked, spiffeId } from './language/drawn.ts';
import { passes } from './language/rbac-interpreter.ts';

const open = meshFrom(twoTenants);
const accounts = tenants.flatMap(({ name, accounts }) => accounts.map((account) => ({ tenant: name, account })));
const [endMs] = [Date.UTC(2027, 0, 1)];

function under(...accounts: readonly string[]): Snapshot {
  return {
    ...open,
    quarantines: standingAt(
      accounts.map((account) => quarantined('atelier', account, endMs)),
      0,
    ),
  };
}

test('a quarantine is told before any rule, of callers and of whoever is called', () => {
  expectDecisions(under('web', 'db'), [
    { from: atelier.web, to: 'atelier/api-1:8080', request: 'GET /', want: 'deny quarantined' },
    { from: atelier.web, to: 'atelier/api-1:8080', request: 'GET /a/../b', want: 'deny quarantined' },
    { from: atelier.api, to: 'atelier/db-1:5432', want: 'deny quarantined' },
    { from: atelier.api, to: 'atelier/api-1:8080', request: 'GET /', want: 'allow tenant/atelier/default' },
    { from: notaire.web, to: 'notaire/api-1:8080', request: 'GET /', want: 'allow tenant/notaire/default' },
    {
      from: 'spiffe://elsewhere/ns/atelier/sa/web',
      to: 'atelier/api-1:8080',
      request: 'GET /',
      want: 'deny no-identity',
    },
  ]);
});

test('no moment ends one for whoever enforces it: that is for the control plane', () => {
  expectDecisions(under('web'), [
    { from: atelier.web, to: 'atelier/api-1:8080', request: 'GET /', atMs: endMs + 1, want: 'deny quarantined' },
  ]);
});

test('the reason says who is cut off, by whom, why and until when', () => {
  const reason = { kind: 'quarantined', quarantine: quarantined('atelier', 'web', endMs) } as const;
  expect(tellReason(reason).sentence).toBe(
    `\`${atelier.web}\` is under quarantine until 2027-01-01T00:00:00.000Z, by \`edr\`: an alarm`,
  );
});

test('its own sidecar has no door, no way and no exit; peers have no way to it, and their TCP doors lose it by name', () => {
  const snapshot = under('web');
  const viewed = (key: string) => {
    const workload = snapshot.workloads.get(key);
    if (workload === undefined) throw new Error(`there is no \`${key}\``);
    return viewOf(snapshot, workload, 0);
  };
  const own = viewed('atelier/web-1');
  expect(own.inbound.flatMap(({ callers }) => callers)).toEqual([]);
  expect([own.outbound, own.external]).toEqual([[], []]);
  const peer = viewed('atelier/api-1');
  expect(peer.outbound.flatMap(({ serverSpiffeIds }) => serverSpiffeIds)).not.toContain(atelier.web);
  const [database] = viewed('atelier/db-1').inbound;
  expect(database?.callers).toEqual([
    { tenant: 'atelier', spiffeIds: [atelier.api, atelier.db], cutOff: [atelier.web] },
  ]);
});

test('a worker reads of it what was compiled, and refuses a program in which it cannot be read', () => {
  const snapshot = under('web', 'api');
  const workload = snapshot.workloads.get('atelier/api-1');
  if (workload === undefined) throw new Error('there is no API');
  const view = viewOf(snapshot, workload, 0);
  const program = programOf(view);
  const read = readProgram(program);
  if (read.kind === 'refused') throw new Error(read.why);
  for (const { port, policy } of view.inbound) expect(read.program.ports.get(port)).toEqual(policy);
  const [first] = program.quarantinedCallers;
  if (first === undefined) throw new Error('nobody is in the program');
  first.spiffeId = 'web';
  expect(readProgram(program)).toMatchObject({ kind: 'refused' });
});

test('in any mesh, whoever is not cut off and asks somebody who is not is judged as without quarantines', {
  timeout: randomTestMs,
}, () => {
  let compared = 0;
  let changed = 0;
  fc.assert(
    fc.property(randomMesh(), randomQuarantines, fc.constantFrom(...momentsMs), (objects, quarantines, nowMs) => {
      const [without, withThem] = [snapshotOf(objects, nowMs), snapshotOf(objects, nowMs, quarantines)];
      for (const workload of without.workloads.values()) {
        const before = new Map(viewOf(without, workload, nowMs).inbound.map((each) => [each.port, each]));
        for (const { port, protocol, policy, callers } of viewOf(withThem, workload, nowMs).inbound) {
          const was = before.get(port);
          if (was === undefined) throw new Error(`port ${port} came with a quarantine`);
          for (const principal of principals) {
            const request =
              protocol === 'tcp'
                ? ({ kind: 'tcp', principal } as const)
                : ({ kind: 'http', principal, method: 'GET', path: '/', host: 'a.example' } as const);
            const [old, now] = [decide(was.policy, request, nowMs), decide(policy, request, nowMs)];
            if (withThem.quarantines.has(principal) || withThem.quarantines.has(workload.spiffeId)) {
              expect(now.kind).toBe('deny');
              if (old.kind === 'allow') changed += 1;
            } else {
              expect(now).toEqual(old);
              compared += 1;
            }
          }
          if (withThem.quarantines.has(workload.spiffeId)) expect(callers).toEqual([]);
          else {
            const kept = was.callers.map(({ tenant, spiffeIds }) => [
              tenant,
              spiffeIds.filter((id) => !withThem.quarantines.has(id)),
            ]);
            expect(callers.map(({ tenant, spiffeIds }) => [tenant, spiffeIds])).toEqual(kept);
          }
        }
      }
    }),
    { numRuns: 60 },
  );
  expect(Math.min(compared, changed)).toBeGreaterThan(0);
});

test('in any mesh, the proxy of an HTTP port refuses whoever is under quarantine, and nobody else for it', {
  timeout: randomTestMs,
}, () => {
  let refused = 0;
  fc.assert(
    fc.property(randomMesh(), randomQuarantines, fc.constantFrom(...momentsMs), (objects, quarantines, nowMs) => {
      const [without, withThem] = [snapshotOf(objects, nowMs), snapshotOf(objects, nowMs, quarantines)];
      for (const workload of without.workloads.values()) {
        const before = new Map(viewOf(without, workload, nowMs).inbound.map((each) => [each.port, each.policy]));
        for (const { port, protocol, policy, callers } of viewOf(withThem, workload, nowMs).inbound) {
          const was = before.get(port);
          if (protocol === 'tcp' || callers.length === 0 || was === undefined) continue;
          for (const { tenant, account } of accounts) {
            const request = { method: 'GET', sent: '/', path: '/', authority: 'a.example', host: 'a.example' };
            const asked: Asked = { tenant, account, ...request, headers: [], token: { kind: 'none' } };
            const isCutOff =
              withThem.quarantines.has(spiffeId(tenant, account)) && callers.some((each) => each.tenant === tenant);
            const [old, now] = [was, policy].map((each) => passes(denyRules(each), asked, nowMs));
            if (isCutOff) expect(now).toBe(false);
            // Of a tenant that has no door here the chain is missing, so no rule need name it.
            else if (callers.some((each) => each.tenant === tenant)) expect(now).toBe(old);
            if (isCutOff && old) refused += 1;
          }
        }
      }
    }),
    { numRuns: 60 },
  );
  expect(refused).toBeGreaterThan(0);
});

/**
 * The tenant wall, at the last place before the wire: nothing of one tenant is in what another's proxies are told, but
 * what a live grant between the two says, and what the own tenant wrote into its own policies.
 *
 * Every name and address of the random meshes belongs to one tenant alone, so a leak is a word in the decoded text.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccessPolicy, Grant, Snapshot, Workload } from '../../src/model/snapshot.ts';
import { viewOf } from '../../src/policy/view.ts';
import { configured, decoded, textOf, versionsOf } from '../fixtures/configured.ts';
import {
  grantee,
  type MeshObject,
  momentsMs,
  namespaceOf,
  randomMesh,
  randomTestMs,
  snapshotOf,
  tenants,
} from '../fixtures/random-mesh.ts';
import { leadsTo } from '../policy/oracle.ts';

const moments = fc.constantFrom(...momentsMs);

describe('of another tenant a proxy is told nothing but what a grant says', () => {
  test('in names, addresses, identities and anchors', { timeout: randomTestMs }, () => {
    let leavesThroughGrants = 0;
    fc.assert(
      fc.property(randomMesh(), moments, (objects, nowMs) => {
        const snapshot = snapshotOf(objects);
        for (const [key, resources] of configured(snapshot, nowMs)) {
          const workload = workloadOf(snapshot, key);
          const text = textOf(resources);
          const viewText = JSON.stringify(viewOf(snapshot, workload, nowMs), withoutPlace);
          for (const other of tenants.filter(({ name }) => name !== workload.tenant)) {
            const consented = consentedWords(snapshot, workload, other.name, nowMs);
            for (const word of wordsOf(snapshot, other.name)) {
              if (consented.has(word)) leavesThroughGrants += 1;
              else expect({ key, word, told: isTold(text, word) }).toEqual({ key, word, told: false });
              if (!consented.has(word))
                expect({ key, word, seen: isTold(viewText, word) }).toMatchObject({ seen: false });
            }
          }
        }
      }),
      { numRuns: 100 },
    );
    expect(leavesThroughGrants).toBeGreaterThan(0);
  });

  test('in service ports: those that are granted and that somebody answers, exactly', { timeout: randomTestMs }, () => {
    let granted = 0;
    fc.assert(
      fc.property(randomMesh(), moments, (objects, nowMs) => {
        const snapshot = snapshotOf(objects);
        for (const [key, resources] of configured(snapshot, nowMs)) {
          const workload = workloadOf(snapshot, key);
          const services = [...snapshot.services.values()].filter(({ tenant }) => tenant !== workload.tenant);
          const names = services.filter(({ key: service }) => !isHeadless(snapshot, service)).map((each) => each.key);
          const clusters = [...decoded(resources, 'cluster').keys()];
          const told = clusters.filter((name) => names.includes(name.slice(0, name.lastIndexOf('/'))));
          const wanted = grantedPorts(snapshot, workload, nowMs);
          granted += wanted.length;
          expect({ key, told: told.sort() }).toEqual({ key, told: wanted });
        }
      }),
      { numRuns: 100 },
    );
    expect(granted).toBeGreaterThan(0);
  });
});

test('SEC-50 what another tenant does without a grant moves not one byte, whatever it claims', {
  timeout: randomTestMs,
}, () => {
  const [own, other] = [tenants[0], tenants[1]];
  if (own === undefined || other === undefined) throw new Error('two tenants are needed for a wall');
  // The second world's other tenant also claims addresses of ours.
  const impostor = { ...other, byte: own.byte };
  const ownAlone = (objects: readonly MeshObject[]) =>
    objects.filter((object) => !(isBetween(object, own.name, other.name) || isBetween(object, other.name, own.name)));
  fc.assert(
    fc.property(randomMesh(), randomMesh([impostor]), moments, (objects, others, nowMs) => {
      const before = ownAlone(objects);
      const after = [
        ...before.filter((object) => namespaceOf(object) !== other.name),
        ...ownAlone(others).filter((object) => namespaceOf(object) === other.name),
      ];
      expect(versionsOfTenant(after, own.name, nowMs)).toEqual(versionsOfTenant(before, own.name, nowMs));
    }),
    { numRuns: 100 },
  );
});

function versionsOfTenant(objects: readonly MeshObject[], tenant: string, nowMs: number): unknown {
  const proxies = [...configured(snapshotOf(objects, nowMs), nowMs)].filter(([key]) => key.startsWith(`${tenant}/`));
  return proxies.map(([key, resources]) => [key, [...versionsOf(resources)]]);
}

function isBetween(object: MeshObject, owner: string, caller: string): boolean {
  return namespaceOf(object) === owner && grantee(object) === caller;
}

/** Everything of a tenant that could be found in a configuration. */
function wordsOf(snapshot: Snapshot, tenant: string): readonly string[] {
  const vocabulary = tenants.find(({ name }) => name === tenant);
  const workloads = [...snapshot.workloads.values()].filter((workload) => workload.tenant === tenant);
  const services = [...snapshot.services.values()].filter((service) => service.tenant === tenant);
  return [
    tenant,
    `anchor of ${tenant}`,
    ...(vocabulary?.services ?? []),
    ...(vocabulary?.accounts ?? []),
    ...workloads.flatMap(({ addresses }) => addresses),
    ...services.flatMap(({ virtualIps }) => virtualIps),
  ];
}

/** As a whole word: `10.1.0.1` is not in `10.1.0.12`. */
function isTold(text: string, word: string): boolean {
  return new RegExp(`(?<![\\w.:])${word.replaceAll('.', '[.]')}(?![\\w.:])`).test(text);
}

function consentedWords(snapshot: Snapshot, workload: Workload, other: string, nowMs: number): ReadonlySet<string> {
  const words = new Set<string>();
  const live = [...snapshot.grants.values()].filter(({ notAfterMs = Infinity }) => nowMs < notAfterMs);
  for (const grant of live) {
    if (grant.tenant === other && speaksOf(grant, workload))
      for (const word of outboundWords(snapshot, grant)) words.add(word);
    if (grant.tenant === workload.tenant && grant.from.tenant === other) {
      for (const word of inboundWords(snapshot, grant, workload)) words.add(word);
    }
  }
  for (const policy of snapshot.policies.values()) {
    if (policy.tenant === workload.tenant) for (const word of ownWords(policy)) words.add(word);
  }
  return words;
}

/** Of a service that the other tenant granted: its name, its addresses, and who answers. */
function outboundWords(snapshot: Snapshot, grant: Grant): string[] {
  const service = snapshot.services.get(grant.to.service);
  const endpoints = (service?.ports ?? [])
    .filter(({ port }) => grant.to.ports.includes(port))
    .flatMap((port) => port.endpoints);
  const accounts = endpoints.flatMap(({ workload }) => snapshot.workloads.get(workload)?.serviceAccount ?? []);
  // A headless service is dialled at its pods, ready or not, at every address they have.
  const pods = endpoints.flatMap(({ workload }) => snapshot.workloads.get(workload)?.addresses ?? []);
  const ready = endpoints.filter((endpoint) => endpoint.ready).map(({ address }) => address);
  const addresses = isHeadless(snapshot, grant.to.service) ? pods : ready;
  const { tenant } = grant;
  return [
    tenant,
    `anchor of ${tenant}`,
    service?.name ?? '',
    ...(service?.virtualIps ?? []),
    ...addresses,
    ...accounts,
  ];
}

/** Of a caller that the own tenant let in: its name, its anchor, and the accounts that may come. */
function inboundWords(snapshot: Snapshot, grant: Grant, workload: Workload): string[] {
  const services = snapshot.services.get(grant.to.service)?.ports ?? [];
  const ports = services.flatMap(({ endpoints }) => endpoints.map(({ port }) => port));
  if (!ports.some((port) => leadsTo(snapshot, grant, workload, port))) return [];
  const callers = [...snapshot.workloads.values()].filter((caller) => speaksOf(grant, caller));
  const named = grant.from.spiffeIds.map(accountOf);
  return [grant.from.tenant, `anchor of ${grant.from.tenant}`, ...callers.map((each) => each.serviceAccount), ...named];
}

/** Names that the own tenant wrote into its own policies. */
function ownWords({ allow, deny }: AccessPolicy): string[] {
  return [...allow, ...deny].flatMap(({ callers }) => [
    ...callers.tenants,
    ...callers.spiffeIds.flatMap((spiffeId) => [spiffeId.split('/')[4] ?? '', accountOf(spiffeId)]),
  ]);
}

function speaksOf({ from }: Grant, { tenant, spiffeId }: Workload): boolean {
  return from.tenant === tenant && (from.spiffeIds.length === 0 || from.spiffeIds.includes(spiffeId));
}

function grantedPorts(snapshot: Snapshot, workload: Workload, nowMs: number): string[] {
  const grants = [...snapshot.grants.values()].filter(
    (grant) => speaksOf(grant, workload) && (grant.notAfterMs === undefined || nowMs < grant.notAfterMs),
  );
  const clusters = grants.flatMap(({ to }) => {
    const ports = snapshot.services.get(to.service)?.ports ?? [];
    const answered = isHeadless(snapshot, to.service)
      ? []
      : ports.filter(({ port, endpoints }) => to.ports.includes(port) && endpoints.length > 0);
    return answered.map(({ port }) => `${to.service}/${port}`);
  });
  return [...new Set(clusters)].sort();
}

/** Dialled at its pods, under their names: the words above watch those. */
function isHeadless(snapshot: Snapshot, service: string): boolean {
  return snapshot.services.get(service)?.virtualIps.length === 0;
}

function workloadOf(snapshot: Snapshot, key: string): Workload {
  const workload = snapshot.workloads.get(key);
  if (workload === undefined) throw new Error(`\`${key}\` was configured and does not exist`);
  return workload;
}

function accountOf(spiffeId: string): string {
  return spiffeId.split('/').at(-1) ?? '';
}

function withoutPlace(key: string, value: unknown): unknown {
  return key === 'where' ? undefined : value;
}

/**
 * All objects of all sources to one snapshot: each by itself is valid already, here they meet.
 *
 *   objects ──inventory──▶ mesh ─▶ tenants ─▶ workloads ─▶ services ─▶ ways out, grants, policies, routes, drills ──▶ Snapshot + problems
 *
 * Pure, and independent of the order of the objects and of how they were formatted. Nothing that one namespace holds
 * changes another's workloads, services or policies, except an address that both claim under explicit capture, or that
 * both bring to a third by a grant: what nobody can tell apart is closed for each.
 */

import { buildDrillConsents } from './build/drill-consents.ts';
import { buildDrills } from './build/drills.ts';
import { buildExplicitAddresses } from './build/explicit-addresses.ts';
import { buildExternalServices } from './build/external-services.ts';
import { buildGrants } from './build/grants.ts';
import { buildHttpRoutes } from './build/http-routes.ts';
import { type Inventory, takeInventory } from './build/inventory.ts';
import { absentMesh, buildMesh, missingMesh } from './build/mesh.ts';
import { buildPolicies } from './build/policies.ts';
import { buildServices } from './build/services.ts';
import { buildTenants } from './build/tenants.ts';
import { buildTrafficPolicies } from './build/traffic-policies.ts';
import { buildWorkloads } from './build/workloads.ts';
import { contentHash } from './canonical-json.ts';
import { ProblemList, sortProblems } from './problem-list.ts';
import type { Snapshot } from './snapshot.ts';
import type { SourcedObject } from './sourced-object.ts';

/**
 * @param nowMs epoch ms, against which grants and consents end; without it none is dropped, and each still ends at its `notAfterMs`
 * wherever it is enforced.
 * @returns a snapshot without tenants where there is no `Mesh`. Never throws.
 */
export function buildSnapshot(objects: readonly SourcedObject[], nowMs?: number): Snapshot {
  const problems = new ProblemList();
  const inventory = takeInventory(objects, problems);
  const mesh = buildMesh(inventory);
  if (mesh === undefined) {
    return {
      revision: revisionOf(objects, []),
      mesh: absentMesh,
      tenants: new Map(),
      workloads: new Map(),
      services: new Map(),
      grants: new Map(),
      policies: new Map(),
      trafficPolicies: new Map(),
      httpRoutes: new Map(),
      drills: new Map(),
      drillConsents: new Map(),
      externalServices: new Map(),
      explicitAddresses: new Map(),
      problems: sortProblems([missingMesh, ...problems.sorted()]),
    };
  }
  const tenants = buildTenants(inventory, problems);
  const workloads = buildWorkloads(inventory, mesh, tenants, problems);
  const services = buildServices(inventory, tenants, workloads, problems);
  const externalServices = buildExternalServices(inventory, tenants, services, problems);
  const serviceAccounts = knownServiceAccounts(inventory);
  const context = { mesh, tenants, services, workloads, serviceAccounts, nowMs };
  const { grants, expired } = buildGrants(inventory, context, problems);
  const world = { mesh, workloads, services, grants, externalServices };
  const explicitAddresses = buildExplicitAddresses(inventory, world, problems);
  const { trustDomain } = mesh;
  const policies = buildPolicies(inventory, { trustDomain, tenants, serviceAccounts }, problems);
  const trafficPolicies = buildTrafficPolicies(inventory, { tenants, services }, problems);
  const httpRoutes = buildHttpRoutes(inventory, { tenants, services, grants }, problems);
  const { consents, expired: withdrawn } = buildDrillConsents(inventory, context, problems);
  const everybody = [...workloads.values()].map(({ workload }) => workload);
  const drills = buildDrills(inventory, { ...context, workloads: everybody }, problems);
  return {
    revision: revisionOf(objects, [...expired, ...withdrawn.map((key) => `DrillConsent/${key}`)]),
    mesh,
    tenants,
    workloads: new Map([...workloads].map(([key, { workload }]) => [key, workload])),
    services,
    grants,
    policies,
    trafficPolicies,
    httpRoutes,
    drills,
    drillConsents: consents,
    externalServices,
    explicitAddresses,
    problems: problems.sorted(),
  };
}

/** A grant or consent that ended by the clock moves the revision like one that was withdrawn. */
function revisionOf(objects: readonly SourcedObject[], expired: readonly string[]): string {
  return contentHash([...objects.map(({ hash }) => hash).sort(), ...expired].join('\n'));
}

function knownServiceAccounts(inventory: Inventory): ReadonlySet<string> {
  const written = inventory.of('ServiceAccount').map(({ ref }) => `${ref.namespace}/${ref.name}`);
  const used = inventory
    .of('Pod')
    .map(({ object, ref }) => `${ref.namespace}/${object.spec.serviceAccountName ?? 'default'}`);
  return new Set([...written, ...used]);
}

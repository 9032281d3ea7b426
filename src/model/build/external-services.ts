/**
 * The ways out: what a tenant declared as external services, less what it may not have.
 *
 * A name of the mesh is refused here, because a declaration would stand in front of the service that has it. One that
 * lies outside the tenant's regions is refused rather than warned of: a closed way out is noticed, an open one is not.
 */
import { compareText } from '../canonical-json.ts';
import { externalAddresses } from '../external-address.ts';
import { refusalOfExternalName } from '../external-name.ts';
import type { TenantObject } from '../kinds/tenant.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { ExternalService, Tenant } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import { whereOf } from '../sourced-object.ts';
import type { Inventory } from './inventory.ts';
import { isReserved, reserved } from './service-ports.ts';

type Declared = NonNullable<TenantObject['spec']['egress']>[number];

interface Draft {
  readonly path: string;
  readonly declared: Declared;
}

/** @param services keys of all services of the mesh. @returns by tenant, sorted. */
export function buildExternalServices(
  inventory: Inventory,
  tenants: ReadonlyMap<string, Tenant>,
  services: ReadonlySet<string>,
  problems: ProblemList,
): ReadonlyMap<string, readonly ExternalService[]> {
  const meshNames = new Set([...services].map((key) => key.split('/').reverse().join('.')));
  const byTenant = new Map<string, readonly ExternalService[]>();
  for (const source of inventory.of('Tenant')) {
    const tenant = tenants.get(source.ref.name);
    if (tenant === undefined) continue;
    const drafts = (source.object.spec.egress ?? [])
      .map((declared, index) => ({ declared, path: `spec.egress[${index}]` }))
      .filter((draft) => isOutside(source, draft, meshNames, problems) && isNear(source, draft, tenant, problems));
    const unique = drafts.filter((draft) => isSaidOnce(source, draft, drafts, problems));
    byTenant.set(tenant.name, settle(source, unique, problems));
  }
  return byTenant;
}

function isOutside(
  source: ValidObject<'Tenant'>,
  { declared, path }: Draft,
  meshNames: ReadonlySet<string>,
  problems: ProblemList,
): boolean {
  const { name, port } = declared;
  const refusal =
    refusalOfExternalName(name) ?? (meshNames.has(name) ? 'is the name of a service of the mesh' : undefined);
  if (refusal !== undefined) {
    problems.error(source, {
      code: 'bad-value',
      path: `${path}.name`,
      message: `${quote(name)} ${refusal}, so it is no way out`,
      advice: 'write the full DNS name of a service outside the mesh',
    });
    return false;
  }
  if (!isReserved(port)) return true;
  problems.error(source, reserved(`${path}.port`, port));
  return false;
}

function isNear(
  source: ValidObject<'Tenant'>,
  { declared, path }: Draft,
  { allowedRegions }: Tenant,
  problems: ProblemList,
): boolean {
  if (allowedRegions.size === 0 || allowedRegions.has(declared.region)) return true;
  problems.error(source, {
    code: 'region-not-allowed',
    path: `${path}.region`,
    message: `${quote(declared.name)} is in ${quote(declared.region)}, where requests of this tenant may not go, so it stays closed`,
    advice: `choose a service in ${[...allowedRegions].map(quote).join(', ')}, or add the region to \`spec.allowedRegions\``,
  });
  return false;
}

function isSaidOnce(
  source: ValidObject<'Tenant'>,
  { declared, path }: Draft,
  drafts: readonly Draft[],
  problems: ProblemList,
): boolean {
  const other = drafts.find(
    (same) => same.path !== path && same.declared.name === declared.name && same.declared.port === declared.port,
  );
  if (other === undefined) return true;
  problems.error(source, {
    code: 'port-conflict',
    path,
    message: `${quote(declared.name)} is declared with port ${declared.port} twice, here and at ${quote(other.path)}, so neither is open`,
    advice: 'remove one of the two',
  });
  return false;
}

function settle(source: ValidObject<'Tenant'>, drafts: readonly Draft[], problems: ProblemList): ExternalService[] {
  const addresses = externalAddresses([...new Set(drafts.map(({ declared }) => declared.name))]);
  const settled = drafts.flatMap(({ declared, path }) => {
    const { name, port, protocol, region, jurisdiction, caBundle } = declared;
    const { address, moved } = addresses.get(name) ?? {};
    if (address === undefined) return [];
    if (moved) {
      problems.warning(source, {
        code: 'address-conflict',
        path: `${path}.name`,
        message: `the address of ${quote(name)} belongs to another name of this tenant; it has ${quote(address)} for as long as both are declared`,
        advice: 'keep both, or expect its address to move when the other goes',
      });
    }
    const where = whereOf(source, path);
    const tenant = source.ref.name;
    const external = { tenant, name, port, protocol, virtualIp: address, region, jurisdiction, where };
    return [caBundle === undefined ? external : { ...external, caBundlePem: caBundle }];
  });
  return settled.sort((left, right) => compareText(left.name, right.name) || left.port - right.port);
}

/** Tenants, and the namespaces that wait for one. */
import type { TenantObject } from '../kinds/tenant.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import { readPublicKey } from '../signed-image.ts';
import type { ImageRules, PrivateHost, Tenant } from '../snapshot.ts';
import { type ValidObject, whereOf } from '../sourced-object.ts';
import { systemNamespace } from '../system-namespace.ts';
import type { Inventory } from './inventory.ts';
import { httpsPort } from './mesh.ts';
import { neverStrangers } from './neighbours.ts';

/** @param privateProviders hosts inside that the mesh's author named. */
export function buildTenants(
  inventory: Inventory,
  privateProviders: readonly PrivateHost[],
  problems: ProblemList,
): ReadonlyMap<string, Tenant> {
  const tenants = new Map<string, Tenant>();
  const services = new Set(inventory.of('Service').map(({ ref }) => `${ref.namespace}/${ref.name}`));
  for (const source of inventory.of('Tenant')) {
    const { metadata, spec } = source.object;
    if (metadata.name === systemNamespace) {
      problems.error(source, {
        code: 'bad-value',
        path: 'metadata.name',
        message: `${quote(systemNamespace)} is Coffre's own namespace: its workloads would bear the names of Coffre's parts`,
        advice: 'give the tenant another namespace',
      });
      continue;
    }
    const sealedServices = spec.sealedServices ?? [];
    for (const [index, service] of sealedServices.entries()) {
      if (services.has(`${metadata.name}/${service}`)) continue;
      problems.warning(source, {
        code: 'dangling-reference',
        path: `spec.sealedServices[${index}]`,
        message: `there is no service ${quote(service)} in ${quote(metadata.name)}; the seal waits for it`,
        advice: 'check the name: a misspelt seal seals nothing',
      });
    }
    tenants.set(metadata.name, {
      name: metadata.name,
      environment: spec.environment,
      defaultAccess: spec.defaultAccess ?? 'sameTenant',
      sealedServices: new Set(sealedServices),
      allowedRegions: new Set(spec.allowedRegions),
      allowedZones: new Set(spec.allowedZones),
      ...(spec.encryptedStorageClasses === undefined
        ? {}
        : { encryptedStorageClasses: new Set(spec.encryptedStorageClasses) }),
      ...(spec.images === undefined ? {} : { images: imageRulesOf(source, spec.images, problems) }),
      ...(spec.dedicatedNodes === undefined
        ? {}
        : { nodesSharedWith: new Set([...neverStrangers, ...(spec.dedicatedNodes.sharedWith ?? [])]) }),
      ...(metadata.creationTimestamp === undefined ? {} : { createdAt: metadata.creationTimestamp }),
      identityProviders: (spec.identityProviders ?? []).map((provider, index) => ({
        ...provider,
        hostedDomains: provider.hostedDomains ?? [],
        ...(isInside(provider, privateProviders) ? { privateHosts: privateProviders } : {}),
        where: whereOf(source, `spec.identityProviders[${index}]`),
      })),
      where: source.where,
    });
  }
  for (const source of inventory.of('Namespace')) {
    // The cluster's own and ours are to be nobody's.
    if (tenants.has(source.ref.name) || neverStrangers.includes(source.ref.name)) continue;
    problems.warning(source, {
      code: 'missing-tenant',
      path: '',
      message: `nobody owns the namespace ${quote(source.ref.name)}: its pods get no identity and no configuration`,
      advice: `write a \`Tenant\` named ${quote(source.ref.name)}`,
    });
  }
  return tenants;
}

/** A key that nobody can read has signed nothing, so what it was to vouch for gets no identity. */
function imageRulesOf(
  source: ValidObject<'Tenant'>,
  { registries, signedBy }: NonNullable<TenantObject['spec']['images']>,
  problems: ProblemList,
): ImageRules {
  for (const [index, { name, publicKey }] of (signedBy ?? []).entries()) {
    if (readPublicKey(publicKey) !== undefined) continue;
    problems.error(source, {
      code: 'bad-value',
      path: `spec.images.signedBy[${index}].publicKey`,
      message: `the public key ${quote(name)} cannot be read, so nothing counts as signed by it`,
      advice: 'write a key on P-256 or Ed25519 as PEM, from `-----BEGIN PUBLIC KEY-----` to its end',
    });
  }
  const signers = signedBy?.map(({ name, publicKey }) => ({ name, publicKeyPem: publicKey }));
  return { registries, ...(signers === undefined ? {} : { signers }) };
}

/** A provider with a public issuer gets no way in, whatever its discovery document names. */
function isInside(
  { issuer, jwksUri }: { readonly issuer: string; readonly jwksUri?: string },
  privateProviders: readonly PrivateHost[],
): boolean {
  const named = new Set(privateProviders.map(({ host, port }) => `${host}:${port}`));
  return [issuer, jwksUri ?? issuer].some((address) => named.has(authorityOf(address)));
}

/** @param address as the schema lets it be written, which a URL parser may still refuse: `https://1.2.3.999`. */
function authorityOf(address: string): string {
  const [, host = '', port = httpsPort] = /^https:[/][/]([^/:]+)(?::([0-9]+))?/.exec(address) ?? [];
  return `${host}:${Number(port)}`;
}

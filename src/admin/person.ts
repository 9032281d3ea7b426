/**
 * The name of a person at the management door, as a certificate carries it, and what the person may see.
 *
 *   spiffe://<trust domain>/people/<role>/mesh/<name>              the whole mesh
 *   spiffe://<trust domain>/people/<role>/tenant/<tenant>/<name>   one tenant
 *
 * A workload's name begins with `/ns/` and a person's with `/people/`: neither parser takes the other's. The form of the
 * scope has a word of its own, so that no tenant can be called `everything`.
 */
export const roles = ['viewer', 'operator', 'game-master', 'auditor', 'alerter', 'responder', 'scraper'] as const;

export type Role = (typeof roles)[number];

export type Scope = { readonly kind: 'mesh' } | { readonly kind: 'tenant'; readonly tenant: string };

export interface Person {
  readonly trustDomain: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly name: string;
}

/** What journal and log call whoever holds the state folder; a person so called could not be told from them. */
export const ownerName = 'owner';

/** Longest name of a person, in bytes: that of the longest SPIFFE ID. */
const personIdBytesMax = 2_048;

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
/** Names stand in logs and evidence: lower case, digits, `.`, `_` and `-`. */
const personName = '[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?';
const domain = '[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?';

const pattern = new RegExp(
  `^spiffe://(${domain})/people/(${roles.join('|')})/(?:(mesh)|tenant/(${label}))/(${personName})$`,
);

/** @param uri URI SAN of a verified certificate: still hostile. @returns undefined where it names no person. */
export function parsePerson(uri: string): Person | undefined {
  if (uri.length > personIdBytesMax) return undefined;
  const [, trustDomain, roleText, mesh, tenant, name] = pattern.exec(uri) ?? [];
  const role = roles.find((each) => each === roleText);
  if (trustDomain === undefined || role === undefined || name === undefined || name === ownerName) return undefined;
  if (mesh !== undefined) return { trustDomain, role, scope: { kind: 'mesh' }, name };
  return tenant === undefined ? undefined : { trustDomain, role, scope: { kind: 'tenant', tenant }, name };
}

export function formatPerson({ trustDomain, role, scope, name }: Person): string {
  const where = scope.kind === 'mesh' ? 'mesh' : `tenant/${scope.tenant}`;
  return `spiffe://${trustDomain}/people/${role}/${where}/${name}`;
}

/** Whether what belongs to this tenant may be shown. */
export function sees(scope: Scope, tenant: string): boolean {
  return scope.kind === 'mesh' || scope.tenant === tenant;
}

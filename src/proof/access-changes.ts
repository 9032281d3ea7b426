/**
 * What a change of the mesh opens and closes: pairs of an identity and a service port, and rules of a pair that goes on.
 *
 * A rule counts as changed by what it says, not by where it stands. A new allow across tenants is marked, be the pair new
 * or not: more rules may let more through, and whoever reads this should look.
 */
import type { Access, AccessRule } from './access.ts';

export interface AccessChange {
  readonly kind: 'opened' | 'closed' | 'changed';
  readonly caller: string;
  readonly service: string;
  readonly port: number;
  /** Caller and service are of two tenants. */
  readonly crossTenant: boolean;
  /** Allow rules that were not there before, or said something else, and denies that are gone or did. */
  readonly looser: readonly AccessRule[];
  readonly tighter: readonly AccessRule[];
}

export function accessChanges(before: readonly Access[], after: readonly Access[]): readonly AccessChange[] {
  const old = new Map(before.map((access) => [keyOf(access), access]));
  const now = new Map(after.map((access) => [keyOf(access), access]));
  const opened = after.filter((access) => !old.has(keyOf(access))).map((access) => changeOf('opened', access));
  const closed = before.filter((access) => !now.has(keyOf(access))).map((access) => changeOf('closed', access));
  const changed = after.flatMap((access) => {
    const former = old.get(keyOf(access));
    return former === undefined ? [] : changesOf(former, access);
  });
  return [...opened, ...closed, ...changed];
}

/** Lets one tenant in at another where, or for what, it was not. */
export function opensATenant({ crossTenant, looser }: AccessChange): boolean {
  return crossTenant && looser.length > 0;
}

function changeOf(kind: 'opened' | 'closed', access: Access): AccessChange {
  const { allow } = access;
  return { ...headOf(kind, access), looser: kind === 'opened' ? allow : [], tighter: kind === 'closed' ? allow : [] };
}

function changesOf(former: Access, access: Access): readonly AccessChange[] {
  const looser = [...without(access.allow, former.allow), ...without(former.deny, access.deny)];
  const tighter = [...without(former.allow, access.allow), ...without(access.deny, former.deny)];
  return looser.length + tighter.length === 0 ? [] : [{ ...headOf('changed', access), looser, tighter }];
}

function headOf(kind: AccessChange['kind'], { caller, callerTenant, service, tenant, port }: Access) {
  return { kind, caller, service, port, crossTenant: callerTenant !== tenant };
}

function without(rules: readonly AccessRule[], others: readonly AccessRule[]): readonly AccessRule[] {
  const said = new Set(others.map(contentOf));
  return rules.filter((rule) => !said.has(contentOf(rule)));
}

function contentOf({ match, conditions, notAfterMs }: AccessRule): string {
  return JSON.stringify([match, conditions, notAfterMs]);
}

function keyOf({ caller, service, port }: Access): string {
  return JSON.stringify([caller, service, port]);
}

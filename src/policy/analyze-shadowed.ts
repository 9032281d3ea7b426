/**
 * Rules and grants that do nothing because others do the same, and allows that a deny refuses whole.
 *
 * The surprise: an allow rule does two things. It lets in whom it names, and by being there it keeps the tenant's default
 * away from the port. So one that lets nobody in is superfluous only where another allow rule, which stays, speaks of
 * each of its ports, or where the default lets nobody in either.
 */
import type { Grant, Snapshot } from '../model/snapshot.ts';
import { type Conditions, covers } from './analyze-cover.ts';
import type { PolicyFinding } from './analyze-finding.ts';
import { type AnalyzedPort, type RuleTable, type StandingRule, tableFor } from './analyze-port.ts';
import { grantName, namesPort, type WrittenRule, writtenRules } from './analyze-written.ts';
import { liveGrants } from './live-grants.ts';
import type { Caller } from './port-policy.ts';

/** Most rules that one finding names. */
const relatedMax = 8;

export function shadowedRules(snapshot: Snapshot, ports: readonly AnalyzedPort[], nowMs: number): PolicyFinding[] {
  const grants = liveGrants(snapshot, nowMs);
  return [
    ...writtenRules(snapshot).flatMap((written) => ofRule(written, ports)),
    ...grants.flatMap((grant) => ofGrant(grant, grants, ports)),
  ];
}

function ofRule(written: WrittenRule, ports: readonly AnalyzedPort[]): PolicyFinding[] {
  const { name, effect, policy, rule } = written;
  const mastered = masteredAt(
    name,
    ports.map((port) => tableFor(port, policy)),
  );
  if (mastered === undefined) return [];
  const masters = named(mastered);
  const isDenied = effect === 'allow' && mastered.every((master) => master.effect === 'deny');
  const removable = effect === 'deny' || ports.every((port) => staysSpokenFor(port, written));
  const head = { level: 'warning', subject: name, where: rule.where, related: cut(mastered), removable } as const;
  const refused = `every request that this rule allows is refused by ${masters}`;
  if (removable) {
    const alike = `every request that this rule ${effect === 'allow' ? 'allows' : 'denies'} is decided alike without it, by ${masters}`;
    const advice = 'remove the rule, or narrow what stands over it';
    return [{ code: 'shadowed-rule', ...head, message: isDenied ? refused : alike, advice }];
  }
  if (!isDenied) return [];
  const message = `${refused}; all it does is to keep the tenant's default away`;
  const advice = "narrow the deny rule, or write the tenant's `defaultAccess` as `none` and remove this one";
  return [{ code: 'never-allows', ...head, message, advice }];
}

/** @returns the rules that stand over it where it stands; undefined where it stands nowhere, or somewhere under none. */
function masteredAt(name: string, tables: readonly RuleTable[]): readonly StandingRule[] | undefined {
  const standing = tables.filter(({ rules }) => rules.has(name));
  const masters = standing.map(({ mastersOf }) => mastersOf.get(name) ?? []);
  if (masters.length === 0 || masters.some((each) => each.length === 0)) return undefined;
  return distinct(masters.flat());
}

/** Whether, without the rule, some allow rule that is kept speaks of the port all the same, or none need. */
function staysSpokenFor(port: AnalyzedPort, { policy, rule }: WrittenRule): boolean {
  if (port.tenant.defaultAccess === 'none') return true;
  if (!port.policies.includes(policy) || !namesPort(rule, port.port)) return true;
  const { rules, mastersOf } = tableFor(port, policy);
  return [...rules.values()].some(
    (each) =>
      each.effect === 'allow' &&
      each.name.startsWith('access-policy/') &&
      (mastersOf.get(each.name) ?? []).length === 0,
  );
}

/** A grant also shows its service to the caller, so only one to the same service and ports does the same. */
function ofGrant(grant: Grant, grants: readonly Grant[], ports: readonly AnalyzedPort[]): PolicyFinding[] {
  const head = { level: 'warning', subject: grantName(grant), where: grant.where } as const;
  const wider = grants.filter((each) => each !== grant && coversGrant(each, grant));
  const kept = wider.filter((each) => each.key < grant.key || !coversGrant(grant, each));
  if (kept.length > 0) {
    const related = kept.map((each) => ({ name: grantName(each), where: each.where }));
    const message = `whatever this grant opens is open as long by ${named(related)}`;
    const advice = 'remove one of them: a path that is withdrawn in one place stays open by the other';
    return [{ code: 'shadowed-rule', ...head, message, advice, related: cut(related), removable: true }];
  }
  const mastered = masteredAt(
    grantName(grant),
    ports.map(({ enforced }) => enforced),
  );
  if (mastered === undefined || mastered.some(({ effect }) => effect !== 'deny')) return [];
  const message = `every request that this grant allows is refused by ${named(mastered)}`;
  const advice = 'withdraw the grant, or narrow the deny rule';
  return [{ code: 'never-allows', ...head, message, advice, related: cut(mastered), removable: false }];
}

function coversGrant(wide: Grant, narrow: Grant): boolean {
  return (
    wide.to.service === narrow.to.service &&
    narrow.to.ports.every((port) => wide.to.ports.includes(port)) &&
    covers(conditionsOf(wide), conditionsOf(narrow))
  );
}

function conditionsOf({ from, to, when, notAfterMs }: Grant): Conditions {
  const callers: Caller[] =
    from.spiffeIds.length === 0
      ? [{ kind: 'tenant', tenant: from.tenant }]
      : from.spiffeIds.map((spiffeId) => ({ kind: 'identity', spiffeId }));
  return {
    ...{ effect: 'allow', callers, match: to.match },
    ...(when === undefined ? {} : { when }),
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
  };
}

type Related = PolicyFinding['related'];

function distinct(rules: readonly StandingRule[]): readonly StandingRule[] {
  return [...new Map(rules.map((rule) => [rule.name, rule])).values()];
}

function cut(rules: Related): Related {
  return rules.slice(0, relatedMax).map(({ name, where }) => ({ name, where }));
}

function named(rules: Related): string {
  const names = cut(rules).map(({ name }) => `\`${name}\``);
  return `${names.join(', ')}${rules.length > names.length ? ' and others' : ''}`;
}

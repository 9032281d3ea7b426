/**
 * Where rules stand: the compiled policy of every port, once for all workloads that are judged alike, and which rules of
 * it do nothing because another does the same.
 *
 *   lists of a port ──▶ each rule with the rules that cover it ──▶ kept: covered by none    mastered: covered by a kept one
 *
 * Of rules that cover each other the first of the list is kept. Whatever is mastered may go, all of it at once: what
 * covers it stays.
 */
import type { AccessPolicy, Snapshot, Tenant, Workload } from '../model/snapshot.ts';
import { type Conditions, covers } from './analyze-cover.ts';
import { selects } from './compile.ts';
import { inboundKey, inboundOf } from './inbound-view.ts';
import type { Effect } from './match-path.ts';
import { momentOf } from './moment.ts';
import type { Rule, RuleLists } from './port-policy.ts';

/** Most rules of one port that are compared each with each: two million pairs, a fraction of a second. */
export const rulesMax = 2_000;

export interface StandingRule extends Conditions {
  readonly name: string;
  readonly where: Rule['where'];
}

export interface AnalyzedPort {
  readonly tenant: Tenant;
  /** One of those that are judged alike. */
  readonly workload: Workload;
  readonly port: number;
  readonly opaque: boolean;
  /** Policies that select the workload. */
  readonly policies: readonly AccessPolicy[];
  readonly enforced: RuleTable;
  /** With the policies under audit; the same table where there are none. */
  readonly audited: RuleTable;
}

/** The rules of one port by name, each with the kept rules that cover it; a rule without any is kept itself. */
export interface RuleTable {
  readonly rules: ReadonlyMap<string, StandingRule>;
  /** Empty for all where `isExamined` is not true. */
  readonly mastersOf: ReadonlyMap<string, readonly StandingRule[]>;
  readonly isExamined: boolean;
}

export function analyzedPorts(snapshot: Snapshot, nowMs: number): readonly AnalyzedPort[] {
  return [...snapshot.tenants.values()].flatMap((tenant) => {
    const now = momentOf(snapshot, tenant.name, nowMs);
    const alike = new Map<string, Workload>();
    for (const workload of snapshot.workloads.values()) {
      if (workload.tenant !== tenant.name) continue;
      const key = inboundKey(now, workload);
      if (!alike.has(key)) alike.set(key, workload);
    }
    return [...alike.values()].flatMap((workload) => {
      const policies = [...snapshot.policies.values()].filter((policy) => selects(policy, workload));
      return inboundOf(now, workload).map(({ port, protocol, policy }): AnalyzedPort => {
        const enforced = tableOf(policy);
        const audited = policy.audited === undefined ? enforced : tableOf(policy.audited);
        return { tenant, workload, port, opaque: protocol === 'tcp', policies, enforced, audited };
      });
    });
  });
}

/** The table in which rules of a policy count. */
export function tableFor(port: AnalyzedPort, { enforcement }: Pick<AccessPolicy, 'enforcement'>): RuleTable {
  return enforcement === 'Enforce' ? port.enforced : port.audited;
}

function tableOf({ deny, allow }: RuleLists): RuleTable {
  const list = [...deny.map((rule) => standing(rule, 'deny')), ...allow.map((rule) => standing(rule, 'allow'))];
  const rules = new Map(list.map((rule) => [rule.name, rule]));
  const isExamined = list.length <= rulesMax;
  if (!isExamined) return { rules, mastersOf: new Map(), isExamined };
  // What a broken policy denies it denies until it is mended, so nothing is superfluous for it.
  const lasting = list.filter(({ name }) => !name.endsWith('/broken'));
  const covering = new Map(
    lasting.map((rule, order) => [
      rule.name,
      lasting.filter((each, place) => each !== rule && covers(each, rule) && (place < order || !covers(rule, each))),
    ]),
  );
  const isKept = ({ name }: StandingRule) => (covering.get(name) ?? []).length === 0;
  const mastersOf = new Map([...covering].map(([name, masters]) => [name, masters.filter(isKept)]));
  return { rules, mastersOf, isExamined };
}

function standing(rule: Rule, effect: Effect): StandingRule {
  return { ...rule, effect };
}

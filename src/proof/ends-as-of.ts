/**
 * A policy whose ends have come where they have come by now, put to calls of another hour.
 *
 * Traffic of yesterday is asked about because it comes again tomorrow: what a `when` says of the time of day is judged at
 * the hour of the call, and a rule that has ended since does not come back for it. See docs/decisions.
 */
import type { PortPolicy, Rule, RuleLists } from '../policy/port-policy.ts';

/** @param nowMs epoch ms. @returns without what is under audit, which decides nothing. */
export function endsAsOf({ audited: _, ...policy }: PortPolicy, nowMs: number): PortPolicy {
  return { ...policy, ...listsAsOf(policy, nowMs) };
}

function listsAsOf({ deny, allow }: RuleLists, nowMs: number): RuleLists {
  const asOfNow = (rule: Rule): Rule => {
    if (rule.notAfterMs === undefined) return rule;
    if (rule.notAfterMs <= nowMs) return { ...rule, notAfterMs: 0 };
    const { notAfterMs: _, ...endless } = rule;
    return endless;
  };
  return { deny: deny.map(asOfNow), allow: allow.map(asOfNow) };
}

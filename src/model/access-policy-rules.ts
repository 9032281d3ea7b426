/**
 * Rules over one `AccessPolicy` that a schema cannot say: identities that parse, headers that reach an enforcer as the
 * caller sent them, conditions that can be understood, and ends that exist.
 *
 * Each is an error, and an access policy with an error denies everything it selects: a deny that nobody can judge must
 * not let through.
 */
import { checkCel } from './cel/check-cel.ts';
import { noMoment } from './drill-rules.ts';
import type { AccessPolicyObject, AccessRuleObject } from './kinds/access-policy.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';
import { parseSpiffeId } from './spiffe-id.ts';

/** Headers that the sidecar writes or takes away, or that it keeps under another name: no rule would see the caller's. */
export const unseenHeaders = new Set(['host', 'cookie', 'x-request-id', 'x-forwarded-client-cert']);
export const unseenPrefixes = ['x-envoy-', 'x-coffre-'];

export function accessPolicyFindings({ spec }: AccessPolicyObject): Finding[] {
  if (spec.allow === undefined && spec.deny === undefined) {
    return [
      {
        code: 'missing-field',
        severity: 'error',
        path: 'spec',
        message: 'the policy has neither `allow` nor `deny`: it could mean nobody or anyone',
        advice: 'write a rule, or set `defaultAccess: none` on the tenant to let nobody in by default',
      },
    ];
  }
  return (['allow', 'deny'] as const).flatMap((verb) =>
    (spec[verb] ?? []).flatMap((rule, index) => ruleFindings(rule, `spec.${verb}[${index}]`)),
  );
}

function ruleFindings(rule: AccessRuleObject, path: string): Finding[] {
  return [
    ...principalFindings(rule, path),
    ...headerFindings(rule, path),
    ...conditionFindings(rule, path, 'the policy denies everything it selects'),
    ...noMoment(`${path}.notAfter`, rule.notAfter),
  ];
}

function principalFindings({ from }: AccessRuleObject, path: string): Finding[] {
  return (from?.principals ?? []).flatMap((principal, index) => {
    if (parseSpiffeId(principal).kind === 'ok') return [];
    const advice = 'write `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`';
    return [bad(`${path}.from.principals[${index}]`, `${quote(principal)} names no workload`, advice)];
  });
}

/** @param rule of a policy, or a whole grant. */
export function headerFindings({ to }: Pick<AccessRuleObject, 'to'>, path: string): Finding[] {
  return (to?.headers ?? []).flatMap(({ name }, index) => {
    if (!unseenHeaders.has(name) && !unseenPrefixes.some((prefix) => name.startsWith(prefix))) return [];
    const message = `no rule can see the header ${quote(name)} as the caller sent it: the sidecar rewrites it`;
    const advice = name === 'host' ? 'write `hosts`' : 'name a header of the application’s own';
    return [bad(`${path}.to.headers[${index}].name`, message, advice)];
  });
}

/** @param until what its object does while it cannot be judged. */
export function conditionFindings({ when }: Pick<AccessRuleObject, 'when'>, path: string, until: string): Finding[] {
  const checked = when === undefined ? { kind: 'ok' as const } : checkCel(when);
  if (checked.kind === 'ok') return [];
  const message = `the condition cannot be judged: ${checked.why}`;
  return [bad(`${path}.when`, message, `mend it; until then ${until}`)];
}

function bad(path: string, message: string, advice: string): Finding {
  return { code: 'bad-value', severity: 'error', path, message, advice };
}

/** Rules that policies and grants share: what they say of a request and of its caller. */
import { unseenHeaders, unseenPrefixes } from '../../../model/access-policy-rules.ts';
import { spiffeIdPattern } from '../../../model/spiffe-id.ts';
import { cel, type FieldRule, literal } from '../field-rule.ts';

/** As a pattern, since an expression would be run for each of a list in each rule. */
export function workload(at: string): FieldRule {
  return { kind: 'matches', at, pattern: spiffeIdPattern.source };
}

export function seenHeader(at: string): FieldRule {
  const prefixes = literal([...unseenPrefixes]);
  return cel(
    at,
    `!(self in ${literal([...unseenHeaders])}) && !${prefixes}.exists(prefix, self.startsWith(prefix))`,
    'the sidecar rewrites this header, so no rule can see it as the caller sent it: name one of the application’s own',
  );
}

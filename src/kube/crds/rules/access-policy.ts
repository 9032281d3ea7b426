/** Rules over `AccessPolicy` for an API server. */
import { aMoment, type FieldRule, someOf } from '../field-rule.ts';
import { seenHeader, workload } from './request.ts';

export const accessPolicyRules: readonly FieldRule[] = [
  someOf(
    'spec',
    ['allow', 'deny'],
    'the policy has neither `allow` nor `deny`: write a rule, or set `defaultAccess: none` on the tenant to let nobody in by default',
  ),
  ...['allow', 'deny'].flatMap((verb) => [
    workload(`spec.${verb}[].from.principals[]`),
    seenHeader(`spec.${verb}[].to.headers[].name`),
    aMoment(`spec.${verb}[].notAfter`),
  ]),
];

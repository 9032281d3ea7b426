/** What an analysis tells of policies that are valid, and yet not what their author can have meant. */
import type { SourceRef } from '../model/source-ref.ts';

/**
 * `warning`: somebody wrote what does nothing, or less than it says; `note`: worth a look, and may well be meant.
 * What is an error is a problem, and told when the object is read.
 */
export type FindingLevel = 'warning' | 'note';

export interface PolicyFinding {
  readonly code: FindingCode;
  readonly level: FindingLevel;
  /** Of the rule, policy or grant, such as `access-policy/atelier/no-admin/deny/0`. */
  readonly subject: string;
  readonly where: SourceRef;
  readonly message: string;
  readonly advice: string;
  /** Other rules that the finding speaks of. */
  readonly related: readonly { readonly name: string; readonly where: SourceRef }[];
  /** Without the subject every request would be decided as with it, today; the same where all such subjects are taken out together. */
  readonly removable: boolean;
}

export type FindingCode = keyof typeof findingHelp;

/** Each code, what it means and why it matters. A code never changes its meaning. */
export const findingHelp = {
  'shadowed-rule':
    'Every request that this rule matches is decided by another rule alike, on every port where it stands. It does nothing, and who changes it will wonder why nothing happens.',
  'never-allows':
    'Deny rules refuse every request that this allow rule or grant would let in. A deny wins, so it lets nobody in.',
  'selects-nothing': 'The policy selects no workload of its tenant, so none of its rules stands anywhere.',
  'unheard-port':
    'The rule names ports on which no workload that its policy selects is declared to listen. It speaks of ports of workloads, not of services.',
  'absent-callers': 'No workload runs under an identity that the rule or grant names, so it matches nobody today.',
  'walled-callers':
    'The rule names callers of another tenant. An allow rule never opens the wall between tenants, a Grant does; and a deny rule has nobody to refuse where no grant leads here.',
  'opaque-port':
    'The rule asks about requests, and stands on opaque TCP ports only, where there are none: it allows nothing.',
  'leads-nowhere': 'The grant is to a service port with no workload behind it, so it opens nothing.',
  'under-audit': 'The policy is under audit: it is judged and told, and refuses nobody.',
  'not-examined': 'The port has too many rules to compare each with each, so shadowed rules there are not told.',
} as const;

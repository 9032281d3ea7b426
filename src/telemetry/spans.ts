/** Every span of ours and its attributes, once. */

export const spans = {
  /** One check of an authorization worker; its parent is the span of the proxy that asks. */
  check: 'coffre.authz.check',
} as const;

/** What a decision's id is to a trace: by it `coffre explain` finds the decision, and whoever reads one finds the other. */
export const spanAttributes = {
  decisionId: 'coffre.decision.id',
  verdict: 'coffre.decision.verdict',
  reason: 'coffre.decision.reason',
  rule: 'coffre.decision.rule',
  revision: 'coffre.revision',
} as const;

/**
 * Expectations put to the policies of a snapshot, by the code that explains and decides, and which rules decided at all.
 *
 *   case ──▶ question ──explain──▶ judgement of each workload ──▶ as expected, or expected and got
 *                                         └──deciding rule──▶ coverage
 */
import type { Snapshot } from '../model/snapshot.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { grantName, writtenRules } from '../policy/analyze-written.ts';
import type { ConsideredRule } from '../policy/considered.ts';
import { type Destination, explain, type Judgement, type Question } from '../policy/explain.ts';
import type { TokenFacts } from '../policy/token.ts';
import type { PolicyCase } from './policy-test-file.ts';

export interface CaseResult {
  readonly test: string;
  readonly name: string;
  readonly where: SourceRef;
  /** Empty where all is as expected. */
  readonly failures: readonly CaseFailure[];
}

export interface CaseFailure {
  /** Absent where there is nobody to ask. */
  readonly workload?: string;
  readonly expected: string;
  readonly got: string;
  /** What decided, in words, with file and line of the rule. */
  readonly sentence: string;
  /** The deciding rule, where one decided. */
  readonly rule?: NamedRule;
}

export interface NamedRule {
  readonly name: string;
  readonly where: SourceRef;
}

export interface Coverage {
  /** Rules and grants that could decide; those under audit are not among them. */
  readonly rules: number;
  readonly decided: number;
  /** From 0 to 100, rounded down, so that 100 means every one. */
  readonly percent: number;
  readonly undecided: readonly NamedRule[];
}

export interface PolicyTestRun {
  readonly results: readonly CaseResult[];
  readonly coverage: Coverage;
}

/** @param snapshot with the grants that have ended, so that a case may ask of a time before. @param nowMs of cases that say no time. */
export function runPolicyTests(snapshot: Snapshot, cases: readonly PolicyCase[], nowMs: number): PolicyTestRun {
  const decided = new Set<string>();
  const results = cases.map(({ test, name, where, ...asked }): CaseResult => {
    const explanation = explain(snapshot, questionOf(asked), asked.at === undefined ? nowMs : Date.parse(asked.at));
    if (explanation.kind === 'no-such-destination') {
      const { message, advice } = explanation;
      const failure = { expected: asked.expect, got: 'nobody to ask', sentence: `${message}; ${advice}` };
      return { test, name, where, failures: [failure] };
    }
    const failures = explanation.judgements.flatMap((judgement) => {
      const rule = decidingRule(judgement);
      if (rule !== undefined) decided.add(rule.name);
      return failureOf(asked, judgement, rule);
    });
    return { test, name, where, failures };
  });
  return { results, coverage: coverageOf(snapshot, decided) };
}

type Asked = Omit<PolicyCase, 'test' | 'name' | 'where'>;

function questionOf({ from, to, method = 'GET', path = '/', host, headers = {}, token }: Asked): Question {
  const lines = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat()]));
  return {
    from,
    to: destinationOf(to),
    request: {
      method,
      path,
      ...(host === undefined ? {} : { host }),
      headers: { lines: (name) => lines.get(name) ?? [], names: () => [...lines.keys()] },
      token: () => tokenFacts(token),
    },
  };
}

function destinationOf(to: string): Destination {
  const [service = to, port] = to.split(':');
  return { kind: 'service', service, ...(port === undefined ? {} : { port: Number(port) }) };
}

function tokenFacts(token: PolicyCase['token']): TokenFacts {
  if (token === undefined) return { kind: 'none' };
  if (token === 'invalid') return { kind: 'invalid', why: 'the test says so' };
  const { provider, subject = 'somebody', groups = [], claims = {} } = token;
  const issuer = typeof claims['iss'] === 'string' ? claims['iss'] : '';
  return { kind: 'valid', provider, issuer, subject, groups, claims, expiresAtMs: Number.POSITIVE_INFINITY };
}

/** Of the rules with the outcome that decided the first, as in `decide`. @returns undefined where no single rule decided. */
function decidingRule({ verdict, reason, considered }: Judgement): ConsideredRule | undefined {
  const sought = verdict === 'allow' ? decidedBy['allow-rule'] : decidedBy[reason];
  if (sought === undefined) return undefined;
  const [effect, outcome] = sought;
  return considered.find((rule) => rule.audited !== true && rule.effect === effect && rule.outcome === outcome);
}

const decidedBy: Readonly<
  Partial<Record<Judgement['reason'], readonly [ConsideredRule['effect'], ConsideredRule['outcome']]>>
> = {
  'allow-rule': ['allow', 'matches'],
  'deny-rule': ['deny', 'matches'],
  'grant-expired': ['allow', 'ended'],
  'token-missing': ['allow', 'token-missing'],
  'token-invalid': ['allow', 'token-invalid'],
  'token-untold': ['allow', 'token-invalid'],
};

function failureOf(
  { expect, reason, rule: wanted }: Asked,
  judgement: Judgement,
  rule?: ConsideredRule,
): CaseFailure[] {
  const { workload, verdict, reason: told, sentence } = judgement;
  const isAsExpected =
    verdict === expect && (reason === undefined || reason === told) && (wanted === undefined || wanted === rule?.name);
  if (isAsExpected) return [];
  const by = (code: string | undefined, name: string | undefined) =>
    `${code === undefined ? '' : ` (${code})`}${name === undefined ? '' : ` by ${name}`}`;
  return [
    {
      workload,
      expected: `${expect}${by(reason, wanted)}`,
      got: `${verdict}${by(told, rule?.name)}`,
      sentence,
      ...(rule === undefined ? {} : { rule: { name: rule.name, where: rule.where } }),
    },
  ];
}

function coverageOf(snapshot: Snapshot, decided: ReadonlySet<string>): Coverage {
  const rules: readonly NamedRule[] = [
    ...writtenRules(snapshot)
      .filter(({ policy }) => policy.enforcement === 'Enforce')
      .map(({ name, rule }) => ({ name, where: rule.where })),
    ...[...snapshot.grants.values()].map((grant) => ({ name: grantName(grant), where: grant.where })),
  ];
  const undecided = rules.filter(({ name }) => !decided.has(name));
  const count = rules.length - undecided.length;
  const percent = rules.length === 0 ? 100 : Math.floor((100 * count) / rules.length);
  return { rules: rules.length, decided: count, percent, undecided };
}

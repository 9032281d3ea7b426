/** An explanation for a person: the verdict, the line that decided, every rule with its first miss, and the cure. */
import { formatSourceRef } from '../model/source-ref.ts';
import type { Cure } from '../policy/cure.ts';
import type { ConsideredRule, Explanation, Judgement } from '../policy/explain.ts';
import type { PastDecision } from './find-decision.ts';
import { printable } from './table.ts';

export function explanationText(explanation: Explanation): string {
  if (explanation.kind === 'no-such-destination') {
    return printable(`DENIED: ${explanation.message}; ${explanation.advice}`).concat('\n');
  }
  const { principal, destination, verdict, judgements } = explanation;
  const head = `${verdictWord[verdict]}: ${principal} to ${destination}\n`;
  return printable(head.trimEnd()).concat('\n', ...distinct(judgements).map(judgementText));
}

/** What was decided then, and whether it would be decided so again. */
export function pastText(past: PastDecision, now: Explanation | undefined): string {
  const { id, time, verdict, reason, revision, source } = past;
  const lines = [`decision ${id}, ${time}, by the ${source}: ${verdict}, ${reason}`];
  const current = now?.kind === 'judged' ? now : undefined;
  if (current !== undefined && revision !== undefined && revision !== current.revision) {
    lines.push(
      `the mesh has changed since: revision ${revision} then, ${current.revision} now; what follows is how it stands now`,
    );
  }
  if (current !== undefined && revision === undefined && isOther(verdict, current.verdict)) {
    lines.push('the mesh has changed since, as it is judged otherwise now; what follows is how it stands now');
  }
  if (verdict === 'unavailable')
    lines.push('nobody refused it: no verdict could be had, so it was answered as a failure');
  if (verdict === 'undecodable') lines.push('the request could not be read in only one way, so no policy was asked');
  return `${lines.map(printable).join('\n')}\n\n`;
}

/** Of two judgements by rule; what failed then was judged by nobody. */
function isOther(then: PastDecision['verdict'], now: 'allow' | 'deny' | 'mixed'): boolean {
  return (then === 'allow' || then === 'deny') && now !== 'mixed' && then !== now;
}

const verdictWord = { allow: 'ALLOWED', deny: 'DENIED', mixed: 'ALLOWED BY SOME, DENIED BY OTHERS' } as const;

/** Replicas judge alike and are told once. */
function distinct(judgements: readonly Judgement[]): readonly (readonly Judgement[])[] {
  const groups = new Map<string, Judgement[]>();
  for (const judgement of judgements) {
    const { workload: _, ...rest } = judgement;
    const key = JSON.stringify(rest);
    groups.set(key, [...(groups.get(key) ?? []), judgement]);
  }
  return [...groups.values()];
}

function judgementText(alike: readonly Judgement[]): string {
  const [judgement] = alike;
  if (judgement === undefined) return '';
  const { port, sentence, considered, cure } = judgement;
  const lines = [
    `  ${alike.map(({ workload }) => workload).join(', ')} port ${port}: ${sentence}`,
    ...(considered.length === 0
      ? ['    no rule speaks of this port']
      : considered.map((rule) => `    ${ruleText(rule)}`)),
  ];
  return `${lines.map(printable).join('\n')}\n${cure === undefined ? '' : cureText(cure)}`;
}

const outcomes = {
  matches: 'matches',
  'other-caller': 'speaks of other callers',
  'other-method': 'speaks of other methods',
  'other-path': 'speaks of other paths',
  'other-host': 'speaks of other hosts',
  'other-header': 'speaks of other headers',
  ended: 'has ended',
  'token-missing': 'asks for a token',
  'token-invalid': 'asks for a valid token',
  'other-token': 'asks for a token that says something else',
  'condition-false': 'has a condition that does not hold',
  'condition-error': 'has a condition that cannot be judged',
} as const satisfies Record<ConsideredRule['outcome'], string>;

function ruleText({ effect, name, where, outcome, audited }: ConsideredRule): string {
  const told = `${effect.padEnd(5)} ${name} (${formatSourceRef(where)}): ${outcomes[outcome]}`;
  return audited === true ? `${told} (under audit)` : told;
}

function cureText(cure: Cure): string {
  switch (cure.kind) {
    case 'write':
      return [
        `\n  the least that would allow it, for the owner of \`${cure.owner}\` to write:\n\n`,
        ...cure.yaml
          .trimEnd()
          .split('\n')
          .map((line) => `${printable(line)}\n`),
        cure.caution === undefined ? '' : `\n  mind: ${printable(cure.caution)}\n`,
      ].join('');
    case 'change':
      return printable(`  to allow it, change ${formatSourceRef(cure.where)}: ${cure.advice}`).concat('\n');
    case 'none':
      return printable(`  nothing would allow it: ${cure.why}`).concat('\n');
  }
}

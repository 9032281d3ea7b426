/** An explanation for a person: the verdict, the line that decided, every rule with its first miss, and the cure. */
import { formatSourceRef } from '../model/source-ref.ts';
import type { ConsideredRule } from '../policy/considered.ts';
import type { Cure } from '../policy/cure.ts';
import type { Explanation, Judgement } from '../policy/explain.ts';
import type { PastDecision } from './find-decision.ts';
import { plural } from './plural.ts';
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
  const { id, isEvent, time, verdict, reason, revision, source, meaning } = past;
  const lines = [`${isEvent === true ? 'event' : 'decision'} ${id}, ${time}, by the ${source}: ${verdict}, ${reason}`];
  const current = now?.kind === 'judged' ? now : undefined;
  if (meaning !== undefined) lines.push(`  ${meaning.why}`);
  // Who is judged as well is told there what would let the request through.
  if (meaning !== undefined && current === undefined) lines.push(`  what would mend it: ${meaning.next}`);
  if (current !== undefined && revision !== undefined && revision !== current.revision) {
    lines.push(
      `the mesh has changed since: revision ${revision} then, ${current.revision} now; what follows is how it stands now`,
    );
  }
  if (current !== undefined && revision === undefined && isOther(verdict, current.verdict)) {
    lines.push('the mesh has changed since, as it is judged otherwise now; what follows is how it stands now');
  }
  if (verdict === 'unavailable' && meaning === undefined)
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
    ...rulesText(considered),
  ];
  return `${lines.map(printable).join('\n')}\n${cure === undefined ? '' : cureText(cure)}`;
}

/** Most rules that a person is shown; `--output json` has them all. */
const shownMax = 40;

/** How near a rule came: the later its first failing condition, the nearer. */
const nearest: readonly ConsideredRule['outcome'][] = [
  'matches',
  'condition-error',
  'condition-false',
  'other-token',
  'token-invalid',
  'token-missing',
  'ended',
  'other-header',
  'other-host',
  'other-path',
  'other-method',
  'other-caller',
  'no-say',
];

function rulesText(considered: readonly ConsideredRule[]): readonly string[] {
  if (considered.length === 0) return ['    no rule speaks of this port'];
  const rank = ({ outcome }: ConsideredRule) => nearest.indexOf(outcome);
  const sorted = [...considered].sort((left, right) => rank(left) - rank(right));
  const rest = sorted.length - shownMax;
  return [
    `    ${plural(considered.length, 'rule')} considered, the nearest first:`,
    ...sorted.slice(0, shownMax).map((rule) => `      ${ruleText(rule)}`),
    ...(rest > 0 ? [`      and ${rest} more; \`-o json\` tells them all`] : []),
  ];
}

function ruleText({ effect, name, where, outcome, miss, audited }: ConsideredRule): string {
  const told = `${effect.padEnd(5)} ${name} (${formatSourceRef(where)}): ${missText(outcome, miss)}`;
  return audited === true ? `${told} (under audit: it decides nothing)` : told;
}

function missText(outcome: ConsideredRule['outcome'], miss: ConsideredRule['miss']): string {
  if (outcome === 'matches') return 'matches';
  if (miss === undefined) return 'speaks of identities of this mesh';
  const { condition, asks, shows } = miss;
  if (outcome === 'no-say') return `is no rule of this port: its ${condition} is ${asks}, and here is ${shows}`;
  return `fails first at its ${condition}: it asks for ${asks}, the request shows ${shows}`;
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
        ...[cure.caution, cure.wider].flatMap((mind) => (mind === undefined ? [] : `\n  mind: ${printable(mind)}\n`)),
      ].join('');
    case 'change':
      return lines(
        '  no rule beside it would allow it:',
        `  the owner of \`${cure.owner}\` can change ${formatSourceRef(cure.where)}: ${cure.advice}`,
      );
    case 'none':
      return lines(`  no rule would allow it: ${cure.why}`, `  what would: ${cure.instead}`);
  }
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${printable(line)}\n`).join('');
}

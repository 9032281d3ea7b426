/**
 * What policies say that they cannot mean: rules that do nothing, allows that let nobody in, grants that lead nowhere.
 *
 *   Snapshot ──compiled ports──▶ shadowed   ──┐
 *        └─────as written──────▶ unused     ──┴─▶ findings, by file and line
 *
 * Sound before complete: `removable` is said only where it holds for every request that could be made, so a rule may be
 * superfluous and not be told. A finding is about today's workloads, and no reason to refuse a policy.
 */
import { compareText } from '../model/canonical-json.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { PolicyFinding } from './analyze-finding.ts';
import { type AnalyzedPort, analyzedPorts, rulesMax } from './analyze-port.ts';
import { shadowedRules } from './analyze-shadowed.ts';
import { unusedGrants, unusedPolicies, unusedRules } from './analyze-unused.ts';

/** @param nowMs epoch ms at which grants are judged dead or alive. @returns sorted by file, line and code. */
export function analyze(snapshot: Snapshot, nowMs: number): readonly PolicyFinding[] {
  const ports = analyzedPorts(snapshot, nowMs);
  return [
    ...shadowedRules(snapshot, ports, nowMs),
    ...unusedPolicies(snapshot),
    ...unusedRules(snapshot, ports, nowMs),
    ...unusedGrants(snapshot, ports, nowMs),
    ...ports.flatMap(notExamined),
  ].sort(
    (left, right) =>
      compareText(left.where.file, right.where.file) ||
      left.where.line - right.where.line ||
      compareText(left.code, right.code) ||
      compareText(left.subject, right.subject),
  );
}

function notExamined({ workload, port, enforced, audited }: AnalyzedPort): PolicyFinding[] {
  if (enforced.isExamined && audited.isExamined) return [];
  const message = `more than ${rulesMax} rules stand on port ${port} of \`${workload.key}\`, so they are not compared with each other`;
  const advice = 'join rules that differ in one list only';
  const head = { subject: `${workload.key}:${port}`, where: workload.where, related: [], removable: false };
  return [{ code: 'not-examined', level: 'note', ...head, message, advice }];
}

/** CEL conditions of RBAC: the one we write, which ends a rule at a moment. Of any other nothing is said. */
import type { Expr } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import { type Certainty, whether } from './certainty.ts';

/** @param condition `request.time < timestamp("…")`, as a syntax tree. */
export function holdsAt(condition: Expr, nowMs: number): Certainty {
  const endMs = endOf(condition);
  return endMs === undefined || Number.isNaN(endMs) ? 'maybe' : whether(nowMs < endMs);
}

function endOf({ exprKind }: Expr): number | undefined {
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== '_<_') return undefined;
  const [left, right] = exprKind.value.args;
  if (left === undefined || !isRequestTime(left)) return undefined;
  if (right?.exprKind.case !== 'callExpr' || right.exprKind.value.function !== 'timestamp') return undefined;
  const [text] = right.exprKind.value.args;
  if (text?.exprKind.case !== 'constExpr' || text.exprKind.value.constantKind.case !== 'stringValue') return undefined;
  return Date.parse(text.exprKind.value.constantKind.value);
}

function isRequestTime({ exprKind }: Expr): boolean {
  if (exprKind.case !== 'selectExpr' || exprKind.value.field !== 'time' || exprKind.value.testOnly) return false;
  const of = exprKind.value.operand?.exprKind;
  return of?.case === 'identExpr' && of.value.name === 'request';
}

/**
 * What of a rule only a condition can say, as the CEL tree that Envoy's RBAC takes: an end, and headers of an allow.
 *
 *   request.time < timestamp("…") && request.headers["x-team"] == "red"
 *
 * Envoy shows a condition all lines of a header joined by commas, so one value is a text without a comma. A header that
 * is not there is an error to it, and an error is no match: only allow rules carry such conditions.
 */
import { create } from '@bufbuild/protobuf';
import { type Expr, ExprSchema } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import type { HeaderMatch } from '../model/snapshot.ts';
import type { Effect } from '../policy/match-path.ts';
import type { Rule } from '../policy/port-policy.ts';

/** @returns undefined where the rule needs none. */
export function conditionOf({ notAfterMs, match }: Rule, effect: Effect): Expr | undefined {
  const parts = [
    ...(notAfterMs === undefined ? [] : [before(notAfterMs)]),
    ...(effect === 'deny' ? [] : (match.headers ?? []).flatMap(onlyValueIs)),
  ];
  const [first, ...others] = parts;
  return first && others.reduce((all, each) => call('_&&_', [all, each]), first);
}

/** Envoy itself ends the rule, control plane or not. */
function before(notAfterMs: number): Expr {
  const end = call('timestamp', [text(new Date(notAfterMs).toISOString())]);
  return call('_<_', [select('request', 'time'), end]);
}

function onlyValueIs(match: HeaderMatch): readonly Expr[] {
  const joined = call('_[_]', [select('request', 'headers'), text(match.name)]);
  switch (match.kind) {
    case 'exact':
      return [call('_==_', [joined, text(match.value)])];
    case 'prefix':
      return [call('startsWith', [text(match.prefix)], joined), call('!_', [call('contains', [text(',')], joined)])];
    case 'present':
    case 'absent':
      return [];
  }
}

function call(name: string, args: Expr[], target?: Expr): Expr {
  const value = { function: name, args, ...(target === undefined ? {} : { target }) };
  return create(ExprSchema, { exprKind: { case: 'callExpr', value } });
}

function select(variable: string, field: string): Expr {
  const operand = create(ExprSchema, { exprKind: { case: 'identExpr', value: { name: variable } } });
  return create(ExprSchema, { exprKind: { case: 'selectExpr', value: { operand, field } } });
}

function text(value: string): Expr {
  return create(ExprSchema, {
    exprKind: { case: 'constExpr', value: { constantKind: { case: 'stringValue', value } } },
  });
}

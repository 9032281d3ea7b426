/**
 * CEL conditions of RBAC, as syntax trees: those we write, which end a rule at a moment and ask for a header's only value.
 * Of any other nothing is said.
 *
 *   request.time < timestamp("…") && request.headers["x-team"] == "red"
 */
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import type { Expr, Expr_Call } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import { type Certainty, every, not, whether } from './certainty.ts';
import { type ExampleRequest, headerOf, isTheCallers } from './request.ts';
import { type Grasp, matchesText, plainMatcher } from './text-match.ts';

export type Condition =
  | { readonly kind: 'before'; readonly endMs: number }
  /** Without the header it does not hold. */
  | { readonly kind: 'header'; readonly name: string; readonly matcher: StringMatcher }
  | { readonly kind: 'all'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'not-understood' };

export function readCondition({ exprKind }: Expr): Condition {
  if (exprKind.case !== 'callExpr') return { kind: 'not-understood' };
  const { function: name, args, target } = exprKind.value;
  const [left, right] = args;
  switch (name) {
    case '_&&_':
      return { kind: 'all', of: args.map(readCondition) };
    case '!_':
      return left === undefined ? { kind: 'not-understood' } : { kind: 'not', of: readCondition(left) };
    case '_<_':
      return isRequestTime(left) ? endOf(right) : { kind: 'not-understood' };
    case '_==_':
      return headerCondition(left, 'exact', right);
    case 'startsWith':
      return headerCondition(target, 'prefix', left);
    case 'contains':
      return headerCondition(target, 'contains', left);
    default:
      return { kind: 'not-understood' };
  }
}

export function holds(
  condition: Condition,
  { request, grasp, nowMs }: { readonly request?: ExampleRequest; readonly grasp: Grasp; readonly nowMs: number },
): Certainty {
  switch (condition.kind) {
    case 'before':
      return whether(nowMs < condition.endMs);
    case 'all':
      return every(condition.of.map((each) => holds(each, { ...(request && { request }), grasp, nowMs })));
    case 'not': {
      const inner = holds(condition.of, { ...(request && { request }), grasp, nowMs });
      // A header that is not there is an error, and neither an error nor its opposite is a match.
      return inner === 'no' && lacksHeader(condition.of, request) ? 'no' : not(inner);
    }
    case 'header': {
      if (request === undefined || lacksHeader(condition, request)) return grasp === 'nothing' ? 'maybe' : 'no';
      if (!isTheCallers(condition.name)) return 'maybe';
      return matchesText(condition.matcher, headerOf(request, condition.name) ?? '', grasp);
    }
    case 'not-understood':
      return 'maybe';
  }
}

/** What it asks of headers, for whoever looks for an example. */
export function headersIn(condition: Condition): readonly Extract<Condition, { kind: 'header' }>[] {
  switch (condition.kind) {
    case 'header':
      return [condition];
    case 'all':
      return condition.of.flatMap(headersIn);
    case 'not':
      return headersIn(condition.of);
    default:
      return [];
  }
}

function lacksHeader(condition: Condition, request: ExampleRequest | undefined): boolean {
  return (
    condition.kind === 'header' &&
    isTheCallers(condition.name) &&
    (request === undefined || headerOf(request, condition.name) === undefined)
  );
}

function headerCondition(
  header: Expr | undefined,
  how: 'exact' | 'prefix' | 'contains',
  value: Expr | undefined,
): Condition {
  const name = headerNameOf(header);
  const text = textOf(value);
  if (name === undefined || text === undefined) return { kind: 'not-understood' };
  return { kind: 'header', name, matcher: plainMatcher({ case: how, value: text }) };
}

function headerNameOf(header: Expr | undefined): string | undefined {
  const call = callOf(header, '_[_]');
  const [map, key] = call?.args ?? [];
  return isRequestField(map, 'headers') ? textOf(key)?.toLowerCase() : undefined;
}

function endOf(end: Expr | undefined): Condition {
  const endMs = Date.parse(textOf(callOf(end, 'timestamp')?.args[0]) ?? '');
  return Number.isNaN(endMs) ? { kind: 'not-understood' } : { kind: 'before', endMs };
}

function isRequestTime(expr: Expr | undefined): boolean {
  return isRequestField(expr, 'time');
}

function isRequestField(expr: Expr | undefined, field: string): boolean {
  const select = expr?.exprKind;
  if (select?.case !== 'selectExpr' || select.value.field !== field || select.value.testOnly) return false;
  const of = select.value.operand?.exprKind;
  return of?.case === 'identExpr' && of.value.name === 'request';
}

function callOf(expr: Expr | undefined, name: string): Expr_Call | undefined {
  const call = expr?.exprKind;
  return call?.case === 'callExpr' && call.value.function === name ? call.value : undefined;
}

function textOf(expr: Expr | undefined): string | undefined {
  const constant = expr?.exprKind.case === 'constExpr' ? expr.exprKind.value.constantKind : undefined;
  return constant?.case === 'stringValue' ? constant.value : undefined;
}

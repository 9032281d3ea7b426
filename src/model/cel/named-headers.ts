/**
 * Which headers a condition asks about by name: as `request.headers["x"]`, as `"x" in request.headers`, as
 * `request.headers.x`. A name that the condition works out itself is not found.
 *
 *   text ──parse──▶ tree ──every call and selection on `request.headers`──▶ names
 */
import { parse } from '@bufbuild/cel';

type Expr = NonNullable<ReturnType<typeof parse>['expr']>;

/** @param condition one that `checkCel` accepts. */
export function namedHeaders(condition: string): readonly string[] {
  const names = new Set<string>();
  const visit = (expr: Expr) => {
    const name = headerNamed(expr);
    if (name !== undefined) names.add(name);
    for (const child of childrenOf(expr)) visit(child);
  };
  visit(parse(condition).expr);
  return [...names];
}

function headerNamed({ exprKind }: Expr): string | undefined {
  if (exprKind.case === 'selectExpr') {
    const { operand, field } = exprKind.value;
    return isHeaders(operand) ? field : undefined;
  }
  if (exprKind.case !== 'callExpr') return undefined;
  const { function: name, args } = exprKind.value;
  const [left, right] = args;
  if (name === '_[_]' && isHeaders(left)) return textOf(right);
  if (name === '@in' && isHeaders(right)) return textOf(left);
  return undefined;
}

function isHeaders(expr: Expr | undefined): boolean {
  if (expr?.exprKind.case !== 'selectExpr') return false;
  const { operand, field } = expr.exprKind.value;
  return field === 'headers' && operand?.exprKind.case === 'identExpr' && operand.exprKind.value.name === 'request';
}

function textOf(expr: Expr | undefined): string | undefined {
  if (expr?.exprKind.case !== 'constExpr') return undefined;
  const { constantKind } = expr.exprKind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : undefined;
}

function childrenOf({ exprKind }: Expr): readonly Expr[] {
  switch (exprKind.case) {
    case 'selectExpr':
      return present([exprKind.value.operand]);
    case 'callExpr':
      return present([exprKind.value.target, ...exprKind.value.args]);
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return exprKind.value.entries.flatMap(({ keyKind, value }) =>
        present([keyKind.case === 'mapKey' ? keyKind.value : undefined, value]),
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return present([iterRange, accuInit, loopCondition, loopStep, result]);
    }
    default:
      return [];
  }
}

function present(exprs: readonly (Expr | undefined)[]): readonly Expr[] {
  return exprs.filter((expr) => expr !== undefined);
}

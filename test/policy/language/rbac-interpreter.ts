/**
 * What Envoy's RBAC makes of rules as we emit them, as far as we use it: enough to try a mutant in a second, without an
 * Envoy. `test/e2e/policy-language.test.ts` holds it equal to the real one.
 */
import { type Permission, type Principal, RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import type { Expr } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import { isOpen } from '../../../src/envoy/proxy-parts.ts';
import { allowRules, denyRules, type RbacRules } from '../../../src/envoy/rbac.ts';
import type { InboundPort } from '../../../src/policy/view.ts';
import { type Asked, spiffeId } from './drawn.ts';

/** Of an HTTP port: a chain stands there, and both its filters let the request through. */
export function enters(door: Pick<InboundPort, 'callers' | 'policy'>, asked: Asked, nowMs: number): boolean {
  return (
    isOpen(door) && [denyRules(door.policy), allowRules(door.policy)].every((rules) => passes(rules, asked, nowMs))
  );
}

export function passes(rules: RbacRules, asked: Asked, nowMs: number): boolean {
  const matching = Object.values(rules.policies ?? {}).some(
    ({ principals, permissions, condition }) =>
      principals.some((each) => isPrincipal(each, asked)) &&
      permissions.some((each) => permits(each, asked)) &&
      (condition === undefined || evaluated(condition, asked, nowMs) === true),
  );
  return rules.action === RBAC_Action.DENY ? !matching : matching;
}

function isPrincipal({ identifier }: Principal, { tenant, account }: Asked): boolean {
  if (identifier.case === 'any') return identifier.value;
  if (identifier.case !== 'authenticated') throw new Error(`no interpreter for the principal ${identifier.case}`);
  return textMatches(identifier.value.principalName, spiffeId(tenant, account));
}

function permits({ rule }: Permission, asked: Asked): boolean {
  switch (rule.case) {
    case 'any':
      return rule.value;
    case 'andRules':
      return rule.value.rules.every((each) => permits(each, asked));
    case 'orRules':
      return rule.value.rules.some((each) => permits(each, asked));
    case 'notRule':
      return !permits(rule.value, asked);
    case 'urlPath':
      return rule.value.rule.case === 'path' && textMatches(rule.value.rule.value, asked.path);
    case 'header': {
      const lines = linesOf(asked, rule.value.name);
      const { headerMatchSpecifier: specifier } = rule.value;
      if (specifier.case === 'presentMatch') return lines.length > 0 === specifier.value;
      return specifier.case === 'stringMatch' && lines.some((line) => textMatches(specifier.value, line));
    }
    default:
      throw new Error(`no interpreter for the permission ${rule.case}`);
  }
}

function linesOf({ method, authority, headers }: Asked, name: string): readonly string[] {
  if (name === ':method') return [method];
  if (name === ':authority') return [authority];
  return headers.filter(([each]) => each === name).map(([, value]) => value);
}

function textMatches(matcher: StringMatcher | undefined, text: string): boolean {
  const pattern = matcher?.matchPattern;
  switch (pattern?.case) {
    case 'exact':
      return text === pattern.value;
    case 'prefix':
      return text.startsWith(pattern.value);
    case 'contains':
      return text.includes(pattern.value);
    case 'safeRegex':
      return re2(pattern.value.regex).test(text);
    default:
      throw new Error(`no interpreter for the matcher ${pattern?.case}`);
  }
}

const compiled = new Map<string, RegExp>();

/** The whole text, any byte for `\C`, and `(?i)` at the beginning. */
function re2(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const insensitive = pattern.startsWith('(?i)');
  const body = pattern.replace('(?i)', '').replaceAll('\\C', '[^]');
  const regex = new RegExp(`^(?:${body})$`, insensitive ? 'i' : '');
  compiled.set(pattern, regex);
  return regex;
}

/** @returns undefined for an error, and for what depends on one. */
function evaluated({ exprKind }: Expr, asked: Asked, nowMs: number): unknown {
  if (exprKind.case === 'constExpr') return exprKind.value.constantKind.value;
  if (exprKind.case === 'selectExpr') return exprKind.value.field === 'time' ? nowMs : undefined;
  if (exprKind.case !== 'callExpr') throw new Error(`no interpreter for the expression ${exprKind.case}`);
  const { function: name, target, args } = exprKind.value;
  const [first, second] = [...(target === undefined ? [] : [target]), ...args];
  const of = (expr: Expr | undefined) => (expr === undefined ? undefined : evaluated(expr, asked, nowMs));
  if (name === '_[_]') {
    const lines = linesOf(asked, String(of(second)));
    return lines.length === 0 ? undefined : lines.join(',');
  }
  const [left, right] = [of(first), of(second)];
  switch (name) {
    case '_&&_':
      return left === true && right === true;
    case '!_':
      return typeof left === 'boolean' ? !left : undefined;
    case '_<_':
      return Number(left) < Number(right);
    case '_==_':
      return left === undefined ? undefined : left === right;
    case 'timestamp':
      return Date.parse(String(left));
    case 'startsWith':
      return typeof left === 'string' ? left.startsWith(String(right)) : undefined;
    case 'contains':
      return typeof left === 'string' ? left.includes(String(right)) : undefined;
    default:
      throw new Error(`no interpreter for the function ${name}`);
  }
}

/**
 * Whether a `when` can be understood: parsed, typed against our variables, boolean, and bounded in what it may cost.
 *
 *   text ──parse──▶ tree ──walk, typing each node──▶ boolean | why it is refused
 *
 * A condition is checked when its policy is read, so that what can only fail at a request is what only a request shows:
 * a header that is not there, a claim of another type. The cost is bounded by shape: so many nodes, no list walked inside
 * the walk of another, and regular expressions (linear-time ones) written out, so that no caller can choose the pattern.
 */
import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import { accepts, any, bool, type CelType, double, int, listOf, mapOf, nothing, string, tellType } from './cel-type.ts';
import { isFunction, resultOf, tellFunction } from './functions.ts';
import { celVariables } from './variables.ts';

/** Longest text of one condition, in characters: a screen of it. */
export const celLengthMax = 2_048;
/** Most nodes of the parsed condition; each is visited once for every element of the one list being walked. */
const nodesMax = 256;
/** Longest regular expression, in characters: it is compiled at each use. */
const patternLengthMax = 256;

export type CelCheck = { readonly kind: 'ok' } | { readonly kind: 'refused'; readonly why: string };

type Expr = NonNullable<ReturnType<typeof parse>['expr']>;
type Kind<C extends Expr['exprKind']['case']> = Extract<Expr['exprKind'], { readonly case: C }>['value'];
type Scope = Readonly<Record<string, CelType>>;

/** Thrown to leave the walk from any depth, and caught in this file. */
class Refusal extends Error {}

/** @param text as an author wrote it. Never throws. */
export function checkCel(text: string): CelCheck {
  if (text.length > celLengthMax) return { kind: 'refused', why: `it is longer than ${celLengthMax} characters` };
  try {
    const type = new Checker().typeOf(parsed(text), celVariables);
    return accepts(bool, type) && type.kind === 'bool'
      ? { kind: 'ok' }
      : { kind: 'refused', why: `it gives ${tellType(type)}, not a bool` };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', why: error.message };
    throw error;
  }
}

function parsed(text: string): Expr {
  try {
    return parse(text).expr;
  } catch (error) {
    throw new Refusal(`it is no CEL: ${error instanceof Error ? error.message.replace('<input>:', '') : 'unreadable'}`);
  }
}

class Checker {
  #nodes = 0;
  #walking = false;

  typeOf(expr: Expr, scope: Scope): CelType {
    this.#nodes += 1;
    if (this.#nodes > nodesMax) throw new Refusal(`it is too large: more than ${nodesMax} nodes`);
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        return constantType(exprKind.value);
      case 'identExpr':
        return variableType(exprKind.value.name, scope);
      case 'selectExpr':
        return this.#select(exprKind.value, scope);
      case 'callExpr':
        return this.#call(exprKind.value, scope);
      case 'listExpr':
        return listOf(common(exprKind.value.elements.map((element) => this.typeOf(element, scope))));
      case 'structExpr':
        return this.#map(exprKind.value, scope);
      case 'comprehensionExpr':
        return this.#walk(exprKind.value, scope);
      default:
        throw new Refusal('it has a part that is empty');
    }
  }

  #select({ operand, field, testOnly }: Kind<'selectExpr'>, scope: Scope): CelType {
    const type = this.typeOf(present(operand), scope);
    const found = fieldType(type, field);
    if (testOnly && type.kind === 'record')
      throw new Refusal(`\`${type.name}.${field}\` is always there: \`has\` says nothing`);
    return testOnly ? bool : found;
  }

  #call({ function: name, target, args }: Kind<'callExpr'>, scope: Scope): CelType {
    const on = target === undefined ? undefined : this.typeOf(target, scope);
    const types = args.map((each) => this.typeOf(each, scope));
    if (name === 'matches') checkPattern(args[0]);
    const result = generic(name, types) ?? resultOf(name, on, types);
    if (result !== undefined) return result;
    const shown = [...(on === undefined ? [] : [on]), ...types].map(tellType).join(' and ');
    throw new Refusal(
      isGeneric(name) || isFunction(name)
        ? `\`${tellFunction(name)}\` does not take ${shown === '' ? 'nothing' : shown}`
        : `there is no function \`${tellFunction(name)}\``,
    );
  }

  #map({ messageName, entries }: Kind<'structExpr'>, scope: Scope): CelType {
    if (messageName !== '') throw new Refusal(`there is no message \`${messageName}\``);
    const values = entries.map(({ keyKind, value }) => {
      const key = keyKind.case === 'mapKey' ? this.typeOf(keyKind.value, scope) : any;
      if (!accepts(string, key)) throw new Refusal('the keys of a map must be strings');
      return this.typeOf(present(value), scope);
    });
    return mapOf(common(values));
  }

  /** `all`, `exists`, `exists_one`, `map` and `filter`, as the parser spells them out. */
  #walk(walk: Kind<'comprehensionExpr'>, scope: Scope): CelType {
    const range = this.typeOf(present(walk.iterRange), scope);
    const start = this.typeOf(present(walk.accuInit), scope);
    if (this.#walking) throw new Refusal('it walks a list inside the walk of another, which has no bound worth having');
    this.#walking = true;
    const inside = { ...scope, [walk.iterVar]: elementType(range), [walk.accuVar]: start };
    this.typeOf(present(walk.loopCondition), inside);
    const step = this.typeOf(present(walk.loopStep), inside);
    this.#walking = false;
    return this.typeOf(present(walk.result), { ...scope, [walk.accuVar]: step });
  }
}

function present(expr: Expr | undefined): Expr {
  if (expr === undefined) throw new Refusal('it has a part that is empty');
  return expr;
}

function constantType({ constantKind }: Kind<'constExpr'>): CelType {
  switch (constantKind.case) {
    case 'boolValue':
      return bool;
    case 'int64Value':
      return int;
    case 'doubleValue':
      return double;
    case 'stringValue':
      return string;
    case 'nullValue':
      return nothing;
    default:
      throw new Refusal('it has a constant that is neither text, number, `true`, `false` nor `null`');
  }
}

function variableType(name: string, scope: Scope): CelType {
  const type = Object.hasOwn(scope, name) ? scope[name] : undefined;
  if (type !== undefined) return type;
  throw new Refusal(`there is no variable \`${name}\`; there are \`${Object.keys(celVariables).join('`, `')}\``);
}

function fieldType(type: CelType, field: string): CelType {
  if (type.kind === 'any') return any;
  if (type.kind === 'map') return type.of;
  if (type.kind !== 'record') throw new Refusal(`${tellType(type)} has no field \`${field}\``);
  const found = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(type.fields).join('`, `');
  throw new Refusal(`\`${type.name}\` has no field \`${field}\`; it has \`${known}\``);
}

function elementType(range: CelType): CelType {
  if (range.kind === 'list') return range.of;
  if (range.kind === 'map') return string;
  if (range.kind === 'any') return any;
  throw new Refusal(`${tellType(range)} cannot be walked`);
}

function common(types: readonly CelType[]): CelType {
  for (const type of types) if (type.kind === 'record') throw new Refusal(`a ${tellType(type)} is no value`);
  const [first, ...others] = types;
  return first !== undefined && others.every((each) => accepts(first, each) && accepts(each, first)) ? first : any;
}

function isGeneric(name: string): boolean {
  return ['_==_', '_!=_', '@in', '_[_]', '_?_:_', '_+_'].includes(name);
}

/** Operators whose result depends on what they are given. */
function generic(name: string, types: readonly CelType[]): CelType | undefined {
  const [left = any, right = any, third = any] = types;
  switch (name) {
    case '_==_':
    case '_!=_':
      return comparable(left, right) ? bool : undefined;
    case '@in':
      if (right.kind === 'list') return comparable(left, right.of) ? bool : undefined;
      if (right.kind === 'map') return accepts(string, left) ? bool : undefined;
      return right.kind === 'any' && left.kind !== 'record' ? bool : undefined;
    case '_[_]':
      if (left.kind === 'list') return accepts(int, right) ? left.of : undefined;
      if (left.kind === 'map') return accepts(string, right) ? left.of : undefined;
      return left.kind === 'any' && right.kind !== 'record' ? any : undefined;
    case '_?_:_':
      return accepts(bool, left) ? common([right, third]) : undefined;
    case '_+_':
      return left.kind === 'list' && right.kind === 'list' ? listOf(common([left.of, right.of])) : undefined;
    default:
      return undefined;
  }
}

/** Two types that never hold equal values are a mistake: `request.headers["x-team"] == "red"` asks a list. */
function comparable(left: CelType, right: CelType): boolean {
  const numbers = ['int', 'double'];
  if (numbers.includes(left.kind) && numbers.includes(right.kind)) return true;
  return accepts(left, right);
}

/** A pattern that a caller could choose, or that no evaluator reads, is refused. */
function checkPattern(pattern: Expr | undefined): void {
  const constant = pattern?.exprKind.case === 'constExpr' ? pattern.exprKind.value.constantKind : undefined;
  if (constant?.case !== 'stringValue') throw new Refusal('the pattern of `matches` must be written out as text');
  if (constant.value.length > patternLengthMax) {
    throw new Refusal(`a pattern is longer than ${patternLengthMax} characters`);
  }
  const tried = plan(celEnv(), parse('"".matches(pattern)'))({ pattern: constant.value });
  if (isCelError(tried)) throw new Refusal(`\`${constant.value}\` is no RE2 pattern: ${tried.message}`);
}

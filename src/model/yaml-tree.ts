/**
 * From a YAML tree to plain data, within bounds, remembering the line of every field.
 *
 *   Document ──plainData──▶ null-prototype objects, lists, scalars  +  path ▶ line   |   the bound it passed
 *
 * The library's own conversion is not used: its alias bound counts references, not what they grow to, its duplicate
 * check is quadratic, and it has no say about `__proto__`. An alias is expanded where it stands and paid for in nodes.
 */
import { type Alias, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type YAMLMap } from 'yaml';
import type { ProblemCode } from './problem.ts';
import { quote } from './quote.ts';
import { joinPath } from './schema-paths.ts';

/** Deepest nesting of one document. The deepest field of any kind lies at 8. */
const depthMax = 32;
/** Longest key, in characters. The longest that means anything is a label key of 317. */
const keyLengthMax = 1_024;

/** Nodes that may still be made, shared by all documents of a file. */
export interface NodeBudget {
  nodes: number;
  /** Of these, nodes that aliases may expand to. */
  aliasNodes: number;
}

/** What is wrong with one field, or with the document. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly line: number;
  readonly path: string;
  readonly message: string;
  readonly advice: string;
}

/** Most slips of one document that are told. */
const slipsMax = 8;

export type PlainData =
  | {
      readonly kind: 'data';
      readonly value: unknown;
      readonly lines: ReadonlyMap<string, number>;
      /** Fields left out because they cannot be meant. Where there is one, the value serves to identify the object, no more. */
      readonly slips: readonly Refusal[];
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Keys that are not names but levers of a JavaScript object. */
const unsafeKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** @param contents root of one document, parsed without errors. Never throws for what an author wrote. */
export function plainData(contents: Node | null, lineCounter: LineCounter, budget: NodeBudget): PlainData {
  const walk: Walk = { lineCounter, budget, lines: new Map(), anchors: new Map(), slips: [] };
  const value = convert(contents, '', 0, walk);
  if (walk.refusal !== undefined) return { kind: 'refused', refusal: walk.refusal };
  return { kind: 'data', value, lines: walk.lines, slips: walk.slips };
}

interface Walk {
  readonly lineCounter: LineCounter;
  readonly budget: NodeBudget;
  readonly lines: Map<string, number>;
  /** Anchors whose node is complete; an alias inside its own anchor finds nothing here. */
  readonly anchors: Map<string, Node>;
  readonly slips: Refusal[];
  /** The alias that is being expanded, the outermost one, since that is the one to write out. */
  alias?: { readonly line: number; readonly path: string } | undefined;
  /** Set once a bound is passed: from then on every branch ends at once. */
  refusal?: Refusal;
}

function convert(node: unknown, path: string, depth: number, walk: Walk): unknown {
  spend(node, path, depth, walk);
  if (walk.refusal !== undefined) return null;
  if (!walk.lines.has(path)) walk.lines.set(path, lineOf(node, walk));
  if (isAlias(node)) return convertAlias(node, path, depth, walk);
  const value = convertPlain(node, path, depth, walk);
  if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  return value;
}

/** Pays for one node, and refuses the document where the purse is empty. */
function spend(node: unknown, path: string, depth: number, walk: Walk): void {
  const { budget } = walk;
  budget.nodes -= 1;
  if (walk.alias !== undefined) budget.aliasNodes -= 1;
  const at = { line: lineOf(node, walk), path };
  if (budget.aliasNodes < 0) {
    const message = 'the aliases of this file expand beyond its bound';
    walk.refusal ??= { code: 'alias-bomb', ...at, ...walk.alias, message, advice: 'write the repeated part out' };
  } else if (budget.nodes < 0) {
    const message = 'the file has too many fields';
    walk.refusal ??= { code: 'file-too-large', ...at, message, advice: 'split it into several files' };
  } else if (depth > depthMax) {
    const message = `the nesting is deeper than ${depthMax} levels`;
    walk.refusal ??= { code: 'bad-value', ...at, message, advice: 'no kind that is read here is that deep' };
  }
}

function convertAlias(alias: Alias, path: string, depth: number, walk: Walk): unknown {
  const target = walk.anchors.get(alias.source);
  if (target === undefined) {
    const message = `the alias ${quote(alias.source)} names no anchor before it`;
    return slip(walk, alias, path, { code: 'yaml-syntax', message, advice: 'write the anchor first' });
  }
  const outer = walk.alias;
  walk.alias ??= { line: lineOf(alias, walk), path };
  const value = convert(target, path, depth, walk);
  walk.alias = outer;
  return value;
}

function convertPlain(node: unknown, path: string, depth: number, walk: Walk): unknown {
  if (isMap(node)) return convertMap(node, path, depth, walk);
  if (isSeq(node)) return node.items.map((item, index) => convert(item, joinPath(path, index), depth + 1, walk));
  const value = isScalar(node) ? node.value : null;
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return value;
  const message = `${quote(String(value))} is no value that JSON has`;
  return slip(walk, node, path, { code: 'wrong-type', message, advice: 'write a number, or text in quotes' });
}

function convertMap(map: YAMLMap, path: string, depth: number, walk: Walk): unknown {
  const fields: Record<string, unknown> = Object.create(null);
  for (const { key, value } of map.items) {
    const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    if (name === undefined || name.length > keyLengthMax) {
      const message = 'a key here is not a short string';
      slip(walk, key, path, { code: 'bad-value', message, advice: 'write field names as plain strings' });
      continue;
    }
    const field = joinPath(path, name);
    if (unsafeKeys.has(name)) {
      const message = `the key ${quote(name)} is refused: it is a lever of the program that reads it, not a name`;
      slip(walk, key, field, { code: 'unsafe-key', message, advice: 'remove the field' });
    } else if (Object.hasOwn(fields, name)) {
      const first = walk.lines.get(field) ?? 0;
      const message = `${quote(field)} is written twice, on line ${first} and here, and nobody can say which holds`;
      slip(walk, key, field, { code: 'yaml-syntax', message, advice: 'remove one of the two' });
    } else {
      walk.lines.set(field, lineOf(key, walk));
      fields[name] = convert(value, field, depth + 1, walk);
    }
  }
  return fields;
}

/** Notes a field that cannot be meant, and leaves nothing in its place. */
function slip(walk: Walk, node: unknown, path: string, what: Omit<Refusal, 'line' | 'path'>): null {
  if (walk.slips.length < slipsMax) walk.slips.push({ ...what, line: lineOf(node, walk), path });
  return null;
}

function lineOf(node: unknown, { lineCounter }: Walk): number {
  const range = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node) ? node.range : undefined;
  return Math.max(1, lineCounter.linePos(range?.[0] ?? 0).line);
}

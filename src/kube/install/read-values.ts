/**
 * From a file of values to the values of an installation, or to everything that is wrong with it.
 *
 *   YAML ──as Helm reads it──▶ laid over the defaults ──schema, rules──▶ Values | problems with path and advice
 *
 * As Helm does: a map is laid over a map, anything else replaces what was there, and `null` takes a default away, but where
 * there is none it is a value. It reads YAML 1.1, in which `yes` is no word but a truth. So do we, or one file would be two
 * installations.
 */
import { Compile } from 'typebox/compile';
import { LineCounter, parseDocument } from 'yaml';
import type { Problem } from '../../model/problem.ts';
import { findingsOf } from '../../model/schema-findings.ts';
import type { SourceRef } from '../../model/source-ref.ts';
import { type FieldLines, type Finding, problemOf } from '../../model/sourced-object.ts';
import { plainData } from '../../model/yaml-tree.ts';
import { defaultValues } from './default-values.ts';
import { type Values, valuesSchema } from './values.ts';

export type ReadValues =
  | { readonly kind: 'ok'; readonly values: Values }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** Longest file of values, in characters: a hundred times what all of them take. */
const textMax = 256 * 1_024;
/** Aliases of YAML, expanded, can fill any memory; nobody needs them here. */
const aliasesMax = 0;

const validator = Compile(valuesSchema);

/** @param file as it is named where it is refused. Never throws. */
export function readValues(text: string, file: string): ReadValues {
  let where: SourceRef = { file, line: 1 };
  let lines: FieldLines = new Map();
  const refuse = (...findings: readonly Finding[]): ReadValues => ({
    kind: 'refused',
    problems: findings.map((finding) => valuesProblem(where, lines, finding)),
  });
  if (text.length > textMax) {
    return refuse(bad('file-too-large', '', `values are longer than ${textMax} characters`, 'write only what differs'));
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: '1.1', merge: false, lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    where = { file, line: lineCounter.linePos(error.pos[0]).line };
    return refuse(bad('yaml-syntax', '', `this is no YAML: ${error.message}`, 'mend this line'));
  }
  const given = asPlain(() => document.toJS({ maxAliasCount: aliasesMax }));
  if (given === undefined) return refuse(bad('alias-bomb', '', 'values hold an alias', 'write the value out'));
  if (!isMap(given)) return refuse(bad('not-an-object', '', 'values are no map', 'write `key: value`'));
  const nodes = plainData(document.contents, lineCounter, { nodes: textMax, aliasNodes: aliasesMax });
  if (nodes.kind === 'data') lines = nodes.lines;
  const values = laidOver(defaultValues, given);
  if (!validator.Check(values)) return refuse(...findingsOf(valuesSchema, values, validator.Errors(values)));
  const findings = ruleFindings(values);
  return findings.length > 0 ? refuse(...findings) : { kind: 'ok', values };
}

/** What one value means for another. */
function ruleFindings({ evidence, webhooks }: Values): Finding[] {
  const missing = (path: string, why: string, advice: string) =>
    bad('missing-field', path, `\`${path}\` is missing: ${why}`, advice);
  const findings: Finding[] = [];
  if (evidence.kind === 'postgres' && evidence.postgresSecret === undefined) {
    const advice = 'name a Secret of `coffre-system` that holds `connection`';
    findings.push(missing('evidence.postgresSecret', 'nobody would know where the PostgreSQL is', advice));
  }
  if (webhooks.clients !== 'authority') return findings;
  if (webhooks.authorityConfigMap === undefined) {
    const advice = 'name a ConfigMap of `coffre-system` that holds `ca.crt`';
    findings.push(missing('webhooks.authorityConfigMap', 'no API server could prove who it is', advice));
  }
  if (webhooks.clientNames.length === 0) {
    const why = 'an authority vouches for others too, and each of them would be an API server';
    findings.push(missing('webhooks.clientNames', why, 'write the common name in the API servers’ client certificate'));
  }
  return findings;
}

/** Of an empty file there is nothing, which is no value of its own. */
function asPlain(read: () => unknown): unknown {
  try {
    return read() ?? {};
  } catch {
    return undefined;
  }
}

function laidOver(under: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>) {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    if (value === null && below !== undefined) delete result[key];
    else set(result, key, isMap(below) && isMap(value) ? laidOver(below, value) : value);
  }
  return result;
}

/** Whatever the key: `__proto__` is one like any other, and refused as one that nobody knows. */
function set(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(code: Finding['code'], path: string, message: string, advice: string): Finding {
  return { code, severity: 'error', path, message, advice };
}

function valuesProblem(where: SourceRef, lines: FieldLines, finding: Finding): Problem {
  const { object: _none, ...problem } = problemOf(
    { ref: { kind: '', namespace: '', name: '' }, where, lines },
    finding,
  );
  return problem;
}

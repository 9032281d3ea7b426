/**
 * The rules file of the stand-alone server: who may call which methods under which paths. There are only allow rules;
 * what none of them names is denied.
 *
 *   {"rules": [{"name": "cart reads", "principals": ["spiffe://…"], "methods": ["GET"], "paths": ["/items"]}]}
 */
import { createHash } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';

/** Most rules of one file, most entries of one list. */
const rulesMax = 1_000;
const entriesMax = 1_000;
/** Most mistakes told at once. */
const problemsMax = 10;

const list = (pattern: string) => Type.Array(Type.String({ pattern }), { minItems: 1, maxItems: entriesMax });

const StaticRule = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    /** Exact URI SANs: no pattern, no prefix. */
    principals: list('^spiffe://[!-~]{1,2039}$'),
    methods: list('^[A-Z]{1,32}$'),
    /** Subtrees: `/items` is `/items` and everything below it, and not `/items-old`. */
    paths: list('^/(?:[!"$->@-~]*[!"$-.0->@-~])?$'),
  },
  { additionalProperties: false },
);
const RulesFile = Type.Object(
  { rules: Type.Array(StaticRule, { maxItems: rulesMax }) },
  { additionalProperties: false },
);

export type StaticRule = Static<typeof StaticRule>;

export interface StaticRules {
  readonly rules: readonly StaticRule[];
  /** Hash of the file's text. */
  readonly revision: string;
}

export type StaticRulesResult =
  | { readonly kind: 'ok'; readonly rules: StaticRules }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** @param text of the file: JSON, written by hand. */
export function parseStaticRules(text: string): StaticRulesResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'refused', problems: [`it is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`] };
  }
  if (Value.Check(RulesFile, value)) {
    const revision = createHash('sha256').update(text).digest('hex').slice(0, 12);
    return { kind: 'ok', rules: { rules: value.rules, revision } };
  }
  const problems = Value.Errors(RulesFile, value)
    .slice(0, problemsMax)
    .map(({ instancePath, message }) => `\`${instancePath === '' ? '/' : instancePath}\` ${message}`);
  return { kind: 'refused', problems };
}

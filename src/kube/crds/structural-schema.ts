/**
 * A schema of ours as an API server takes it: the same limits and descriptions, spelt structurally.
 *
 *   TypeBox ──structuralSchema──▶ every node typed, `const` as `enum`, no `additionalProperties: false`
 *   rules at paths ─────────────▶ x-kubernetes-validations, allOf, list maps
 *
 * Two surprises. A structural schema cannot say that unknown fields are errors: strict field validation says it to who asks
 * (kubectl does), and anybody else's unknown fields are pruned before they are stored, so none is ever in force. And an API
 * server drops `null` before anybody is asked, so that an empty `serviceAccounts:` of a template would come to mean every
 * service account. Optional fields are therefore nullable: the null is kept, and who reads the object refuses it.
 */
import type { CelRule, StructuralSchema, ValueRule } from './crd.ts';
import { cel, type FieldRule, literal } from './field-rule.ts';

/** A TypeBox schema, as far as ours use it. */
export interface SourceSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SourceSchema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, SourceSchema>>;
  readonly items?: SourceSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

/** Keywords that mean the same on both sides. */
const shared = [
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;

const types = ['object', 'array', 'string', 'integer', 'number', 'boolean'] as const;

/**
 * @param path of the schema in its object, such as `spec`.
 * @param rules each at the path of a field, such as `spec.allow[].from`.
 * @throws where a rule speaks of a field that is not there, or the schema uses a keyword that has no structural form.
 */
export function structuralSchema(schema: SourceSchema, path: string, rules: readonly FieldRule[]): StructuralSchema {
  const unspent = new Set(rules);
  const result = convert(schema, path, rules, unspent);
  const [lost] = unspent;
  if (lost !== undefined) throw new Error(`a rule speaks of \`${lost.at}\`, which the schema does not have`);
  return result;
}

function convert(
  schema: SourceSchema,
  path: string,
  rules: readonly FieldRule[],
  unspent: Set<FieldRule>,
): StructuralSchema {
  const own = rules.filter(({ at }) => at === path);
  for (const rule of own) unspent.delete(rule);
  const { description, properties, required = [], items } = schema;
  const values = Object.fromEntries(
    shared.filter((key) => key in schema).map((key) => [key, Reflect.get(schema, key)]),
  );
  const inner = (part: SourceSchema, step: string) => convert(part, `${path}${step}`, rules, unspent);
  return {
    ...(description === undefined ? {} : { description }),
    type: typeOf(schema, path),
    ...enumOf(schema),
    ...values,
    ...(required.length === 0 ? {} : { required }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [
              name,
              { ...inner(part, `.${name}`), ...(required.includes(name) ? {} : { nullable: true as const }) },
            ]),
          ),
        }),
    ...mapOf(schema, path, inner),
    ...(items === undefined ? {} : { items: inner(items, '[]') }),
    ...amendments([...keyRules(schema, path), ...own]),
  };
}

function typeOf({ type, enum: values = [] }: SourceSchema, path: string): StructuralSchema['type'] {
  const known = types.find((each) => each === (type ?? (values.length > 0 ? typeof values[0] : undefined)));
  if (known === undefined) throw new Error(`\`${path}\` has no type, which a structural schema needs`);
  return known;
}

function enumOf({ enum: values, const: constant }: SourceSchema): Pick<StructuralSchema, 'enum'> {
  if (values !== undefined) return { enum: values };
  return constant === undefined ? {} : { enum: [constant] };
}

/** A map, as far as its values go. */
function mapOf(
  { patternProperties = {} }: SourceSchema,
  path: string,
  inner: (part: SourceSchema, step: string) => StructuralSchema,
): Pick<StructuralSchema, 'additionalProperties'> {
  const [value, ...others] = Object.values(patternProperties);
  if (others.length > 0)
    throw new Error(`\`${path}\` has keys of several patterns, which a structural schema cannot say`);
  return value === undefined ? {} : { additionalProperties: inner(value, '{}') };
}

/** Of a map: a structural schema has no word for its keys. */
function keyRules({ patternProperties = {} }: SourceSchema, path: string): FieldRule[] {
  return Object.keys(patternProperties).map((pattern) =>
    cel(
      path,
      `self.all(key, key.matches(${literal(pattern)}))`,
      `a key here is not well formed: it must match ${pattern}`,
    ),
  );
}

function amendments(rules: readonly FieldRule[]): Partial<StructuralSchema> {
  const values: ValueRule[] = [];
  const validations: CelRule[] = [];
  let key: string | undefined;
  for (const rule of rules) {
    if (rule.kind === 'unique') key = rule.key;
    else if (rule.kind === 'cel') validations.push({ rule: rule.rule, message: rule.message });
    else values.push(rule.kind === 'matches' ? { pattern: rule.pattern } : { not: { pattern: rule.pattern } });
  }
  return {
    ...(values.length === 0 ? {} : { allOf: values }),
    ...(key === undefined ? {} : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] }),
    ...(validations.length === 0 ? {} : { 'x-kubernetes-validations': validations }),
  };
}

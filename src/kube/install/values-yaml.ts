/** The defaults as a file that a person edits: each value under what its schema says of it; what has no default, as a comment. */
import type { TSchema } from 'typebox';
import { stringify } from 'yaml';

interface DescribedSchema {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, DescribedSchema>>;
}

const indent = '  ';

/** @param defaults as the schema has them, less what is optional. */
export function valuesYaml(schema: TSchema, defaults: object): string {
  const described: DescribedSchema = schema;
  return `# ${described.description}\n${linesOf(described, defaults).join('\n')}\n`;
}

function linesOf({ properties = {} }: DescribedSchema, defaults: object): string[] {
  return Object.entries(properties).flatMap(([name, part]) => {
    const value: unknown = Reflect.get(defaults, name);
    const choice = part.enum === undefined ? '' : ` One of ${part.enum.join(', ')}.`;
    const comment = `# ${part.description ?? ''}${choice}`;
    if (value === undefined) return [comment, ...commented({ [name]: exampleOf(part) })];
    const isMap = part.properties !== undefined && typeof value === 'object' && value !== null;
    if (!isMap) return [comment, stringify({ [name]: value }).trimEnd()];
    return [comment, `${name}:`, ...linesOf(part, value).map((line) => `${indent}${line}`)];
  });
}

function exampleOf({ examples = [], properties = {} }: DescribedSchema): unknown {
  const ofParts = Object.entries(properties).map(([name, part]) => [name, exampleOf(part)]);
  return examples[0] ?? Object.fromEntries(ofParts);
}

function commented(value: object): string[] {
  return stringify(value)
    .trimEnd()
    .split('\n')
    .map((line) => `# ${line}`);
}

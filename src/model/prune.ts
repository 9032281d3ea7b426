/**
 * Only what a schema reads: fields it does not name, and fields it takes from nobody (`Type.Unknown`), are dropped.
 *
 * So a pod's ten thousand unread bytes cost no memory and move no revision. `null` counts as absent, as in Kubernetes.
 */
import { joinPath } from './schema-paths.ts';
import type { FieldLines } from './sourced-object.ts';

interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: unknown;
  readonly enum?: unknown;
  readonly const?: unknown;
}

/** @param schema of TypeBox. @param value of any shape: what does not fit is left for the validator to refuse. */
export function prune(schema: Shape, value: unknown): unknown {
  const { properties, items } = schema;
  if (properties !== undefined && isRecord(value)) {
    const kept: Record<string, unknown> = Object.create(null);
    for (const [key, shape] of Object.entries(properties)) {
      const field = Object.hasOwn(value, key) ? value[key] : undefined;
      if (field !== undefined && field !== null && isRead(shape)) kept[key] = prune(shape, field);
    }
    return kept;
  }
  if (items !== undefined && Array.isArray(value)) return value.map((item) => prune(items, item));
  return value;
}

/** The lines of what is left. */
export function pruneLines(value: unknown, lines: FieldLines, path = '', kept = new Map<string, number>()): FieldLines {
  const line = lines.get(path);
  if (line !== undefined) kept.set(path, line);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) pruneLines(item, lines, joinPath(path, index), kept);
  } else if (isRecord(value)) {
    for (const [key, field] of Object.entries(value)) pruneLines(field, lines, joinPath(path, key), kept);
  }
  return kept;
}

function isRead({ type, anyOf, enum: values, const: constant }: Shape): boolean {
  return type !== undefined || anyOf !== undefined || values !== undefined || constant !== undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

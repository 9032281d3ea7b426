/** Walks over decoded configuration. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { expect } from 'vitest';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every object in a value, the value itself among them. */
export function objectsIn(value: JsonValue): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  return isObject(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
}

/** The values of every field of this name, at any depth. */
export function fieldsNamed(value: JsonValue, name: string): JsonValue[] {
  return objectsIn(value).flatMap((object) => {
    const field = object[name];
    return field === undefined ? [] : [field];
  });
}

/** What is found by following the names; a list stands for each of its items. */
export function at(value: JsonValue | undefined, ...path: readonly string[]): JsonValue[] {
  if (Array.isArray(value)) return value.flatMap((item) => at(item, ...path));
  const [first, ...rest] = path;
  if (first === undefined) return value === undefined ? [] : [value];
  return isObject(value) ? at(value[first], ...rest) : [];
}

export function expectDistinct(values: readonly JsonValue[]): void {
  const texts = values.map((value) => JSON.stringify(value));
  expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
}

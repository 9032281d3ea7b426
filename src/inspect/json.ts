/** JSON that a proxy wrote: nothing is known of it before it was looked at. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @returns undefined where the text is no JSON. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

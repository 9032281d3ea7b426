/**
 * What leads from one JSON value to another, as RFC 6902: what an API server takes from a webhook.
 *
 * Lists grow at their front here, since what is injected comes first: a longer list is one with `add` at 0, and what stood
 * in it is compared one by one. So a patch names what it touches, and a person can read it.
 */
import type { JsonValue } from '@bufbuild/protobuf';

export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: JsonValue }
  | { readonly op: 'remove'; readonly path: string };

/** @returns operations in the order in which they apply; none where both are equal. */
export function jsonPatch(before: JsonValue, after: JsonValue, path = ''): readonly PatchOperation[] {
  if (Array.isArray(before) && Array.isArray(after)) return listPatch(before, after, path);
  if (isObject(before) && isObject(after)) return objectPatch(before, after, path);
  return before === after ? [] : [{ op: 'replace', path, value: after }];
}

function listPatch(before: readonly JsonValue[], after: readonly JsonValue[], path: string): readonly PatchOperation[] {
  const more = after.length - before.length;
  if (more < 0) return [{ op: 'replace', path, value: [...after] }];
  return [
    ...after
      .slice(0, more)
      .toReversed()
      .map((value) => ({ op: 'add' as const, path: `${path}/0`, value })),
    ...after.slice(more).flatMap((value, index) => jsonPatch(before[index] ?? null, value, `${path}/${index + more}`)),
  ];
}

function objectPatch(before: JsonObject, after: JsonObject, path: string): readonly PatchOperation[] {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return [
    ...gone.map((key) => ({ op: 'remove' as const, path: `${path}/${escaped(key)}` })),
    ...Object.entries(after).flatMap(([key, value]) => {
      const at = `${path}/${escaped(key)}`;
      const old = Object.hasOwn(before, key) ? before[key] : undefined;
      return old === undefined ? [{ op: 'add' as const, path: at, value }] : jsonPatch(old, value, at);
    }),
  ];
}

type JsonObject = { readonly [key: string]: JsonValue };

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 6901. */
function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

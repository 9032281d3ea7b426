/** The runtime of a proxy, layer by layer, from its `/runtime` page. */
import type { JsonValue } from '@bufbuild/protobuf';
import { typeUrls } from '../xds/type-url.ts';
import { canonical, type HeldResource } from './held-resource.ts';
import { isObject, parseJson } from './json.ts';

/** By layer, keys and values; a layer that sets nothing is there and empty. */
export type RuntimeLayers = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** @returns undefined where the text is no runtime page. A value that is no number is NaN: nothing of ours. */
export function runtimeLayers(text: string): RuntimeLayers | undefined {
  const page = parseJson(text);
  if (!isObject(page) || !Array.isArray(page['layers']) || !isObject(page['entries'])) return undefined;
  const entries = Object.entries(page['entries']);
  return new Map(page['layers'].map((name, index) => [String(name), layerAt(entries, index)]));
}

/** Each layer as the resource that it would have come as. @returns undefined where the text is no runtime page. */
export function heldLayers(text: string): readonly HeldResource[] | undefined {
  const layers = runtimeLayers(text);
  return (
    layers &&
    [...layers].map(([name, settings]) => {
      const json = { '@type': typeUrls.runtime, name, layer: Object.fromEntries(settings) };
      return { typeUrl: typeUrls.runtime, name, state: 'active', content: canonical(typeUrls.runtime, json) };
    })
  );
}

function layerAt(entries: readonly (readonly [string, JsonValue])[], index: number): ReadonlyMap<string, number> {
  const set = entries.flatMap(([key, entry]) => {
    const values = isObject(entry) ? entry['layer_values'] : undefined;
    const value = Array.isArray(values) ? values[index] : undefined;
    return typeof value !== 'string' || value === '' ? [] : [[key, Number(value)] as const];
  });
  return new Map(set.sort(([left], [right]) => (left < right ? -1 : 1)));
}

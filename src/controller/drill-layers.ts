/**
 * Where drills write: an overlay with a TTL on the runtime layer of a proxy, beside the pipeline and never through it.
 *
 *   settings ──runtimeOf──▶ RTDS layer, TTL ──overlay──▶ xDS cache ──▶ the streams of that proxy, in the same turn
 *
 * The pipeline's own layer stays below, and is empty: to lift is to let it be seen again.
 */
import { type DrillLayers, layerTtlMs } from '../chaos/ports.ts';
import { runtimeOf } from '../envoy/runtime.ts';
import type { SnapshotCache } from '../xds/cache.ts';
import { type Resource, withTtl } from '../xds/resource.ts';
import { encoded } from './encode.ts';

export function drillLayers(cache: Pick<SnapshotCache, 'overlay'>): DrillLayers {
  /** Of the last proxy: those that a drill strikes at once mostly get the same. */
  let newest: { readonly settings: string; readonly layer: Resource } | undefined;

  function layerOf(settings: ReadonlyMap<string, number>): Resource {
    const key = JSON.stringify([...settings]);
    if (newest?.settings !== key) newest = { settings: key, layer: withTtl(encoded(runtimeOf(settings)), layerTtlMs) };
    return newest.layer;
  }

  return {
    lay: (proxy, settings) => cache.overlay(proxy, [layerOf(settings)]),
    lift: (proxy) => cache.overlay(proxy, undefined),
  };
}

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

/** What ended by its TTL stays ended: a fault that came back by itself would be a fault that nobody began. */
function mortal(settings: ReadonlyMap<string, number>): Resource {
  return { ...withTtl(encoded(runtimeOf(settings)), layerTtlMs), lapses: true };
}

export function drillLayers(cache: Pick<SnapshotCache, 'overlay'>): DrillLayers {
  /** Of the last proxy: those that a drill strikes at once mostly get the same. */
  let newest: { readonly settings: string; readonly layer: Resource } | undefined;

  function layerOf(settings: ReadonlyMap<string, number>): Resource {
    const key = JSON.stringify([...settings]);
    if (newest?.settings !== key) newest = { settings: key, layer: mortal(settings) };
    return newest.layer;
  }

  return {
    lay: (proxy, settings) => cache.overlay(proxy, [layerOf(settings)]),
    lift: (proxy) => cache.overlay(proxy, undefined),
  };
}

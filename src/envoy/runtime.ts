/**
 * RTDS: the layer that drills write to. Always there, so that a fault is an update and its end is this empty layer.
 *
 * It is the last gate before the wire: a key or value that is not on the list of `drill-keys.ts` is a fault of ours, and
 * nothing is built.
 */
import { create } from '@bufbuild/protobuf';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { isDrillSetting } from './drill-keys.ts';
import { drillLayer } from './names.ts';
import { type EnvoyResource, resource } from './resource.ts';

/** Most keys of one proxy's layer: drills on all of a caller's clusters or callers at once need far fewer. */
const settingsMax = 4_096;

/** @param settings none is the layer of a proxy that feels no drill. @throws where a setting is not one of a drill's. */
export function runtimeOf(settings: ReadonlyMap<string, number> = new Map()): EnvoyResource {
  if (settings.size > settingsMax) throw new Error(`a drill has ${settings.size} settings for one proxy`);
  for (const [key, value] of settings) {
    if (!isDrillSetting(key, value)) throw new Error(`no drill may set ${JSON.stringify(key)} to ${value}`);
  }
  const layer = Object.fromEntries([...settings].sort(([left], [right]) => (left < right ? -1 : 1)));
  return resource(RuntimeSchema, drillLayer, create(RuntimeSchema, { name: drillLayer, layer }));
}

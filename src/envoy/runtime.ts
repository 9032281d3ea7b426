/** RTDS: the layer that drills write to. Always there, so that a fault is an update and its end is this empty layer. */
import { create } from '@bufbuild/protobuf';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { drillLayer } from './names.ts';
import { type EnvoyResource, resource } from './resource.ts';

export function runtimeOf(): EnvoyResource {
  return resource(RuntimeSchema, drillLayer, create(RuntimeSchema, { name: drillLayer, layer: {} }));
}

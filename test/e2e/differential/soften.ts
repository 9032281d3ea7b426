/** A listener without its hardening: what shows that the rows of bytes can tell the two apart. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { HttpProtocolOptionsSchema } from '#gen/envoy/config/core/v3/protocol_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManagerSchema as ManagerSchema,
  HttpConnectionManager_ForwardClientCertDetails as Xfcc,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { inboundListener } from '../../../src/envoy/names.ts';
import { contentVersion, type ResourceSnapshot } from '../../../src/xds/resource.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';

/** The same configuration as a careless author would write its HTTP connection manager. */
export function softened(resources: ResourceSnapshot): ResourceSnapshot {
  const listeners = new Map(resources.types.get(typeUrls.listener));
  const inbound = listeners.get(inboundListener);
  const listener = inbound && anyUnpack(fromBinary(AnySchema, inbound.any), ListenerSchema);
  if (inbound === undefined || listener === undefined) throw new Error('there is no inbound listener');
  for (const filter of listener.filterChains.flatMap(({ filters }) => filters)) {
    const manager = filter.configType.case === 'typedConfig' && anyUnpack(filter.configType.value, ManagerSchema);
    if (!manager) continue;
    manager.normalizePath = false;
    manager.mergeSlashes = false;
    manager.pathWithEscapedSlashesAction = EscapedSlashes.KEEP_UNCHANGED;
    manager.forwardClientCertDetails = Xfcc.ALWAYS_FORWARD_ONLY;
    manager.preserveExternalRequestId = true;
    manager.earlyHeaderMutationExtensions = [];
    manager.commonHttpProtocolOptions = create(HttpProtocolOptionsSchema);
    filter.configType = { case: 'typedConfig', value: anyPack(ManagerSchema, manager) };
  }
  const any = toBinary(AnySchema, anyPack(ListenerSchema, listener));
  listeners.set(inboundListener, { ...inbound, any, version: contentVersion(any) });
  return { revision: 'softened', types: new Map(resources.types).set(typeUrls.listener, listeners) };
}

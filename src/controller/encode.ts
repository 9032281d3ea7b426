/** From a message to the bytes that travel, named by what they are. */
import { toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { EnvoyResource } from '../envoy/resource.ts';
import { contentVersion, type Resource } from '../xds/resource.ts';

export function encoded({ typeUrl, name, any }: EnvoyResource): Resource {
  const bytes = toBinary(AnySchema, any);
  return { typeUrl, name, version: contentVersion(bytes), any: bytes };
}

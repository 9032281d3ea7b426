/**
 * One resource as Envoy will receive it: its type, its name and the message, packed.
 *
 * Packing happens here, once, so that builders speak in messages and everything after them in bytes.
 * protobuf-es writes maps and Structs in insertion order: builders insert in sorted order, which makes the bytes,
 * and so the version, a function of the content alone.
 */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Any, Duration } from '@bufbuild/protobuf/wkt';
import { anyPack } from '@bufbuild/protobuf/wkt';

export interface EnvoyResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly any: Any;
}

/** Packs a message with the `type.googleapis.com/` prefix that Envoy expects. */
export function pack<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return anyPack(schema, message);
}

export function resource<Desc extends DescMessage>(
  schema: Desc,
  name: string,
  message: MessageShape<Desc>,
): EnvoyResource {
  const any = pack(schema, message);
  return { typeUrl: any.typeUrl, name, any };
}

/** @param ms milliseconds, 0 or more. */
export function durationOf(ms: number): Duration {
  return {
    $typeName: 'google.protobuf.Duration',
    seconds: BigInt(Math.trunc(ms / 1_000)),
    nanos: (ms % 1_000) * 1_000_000,
  };
}

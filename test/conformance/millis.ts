/** A protobuf duration in ms. */
import type { Duration } from '@bufbuild/protobuf/wkt';

export function millisOf(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1_000 + duration.nanos / 1e6;
}

/** The HTTP/2 stream below a call, which grpc-js keeps to itself: what we need of it, nothing else offers. */

/** Most interceptors that can lie between a call and its stream. */
const interceptorsMax = 16;

/** @returns undefined where grpc-js keeps it elsewhere than it does today. */
export function streamBelow(call: object): object | undefined {
  let below = memberOf(call, 'call');
  for (let depth = 0; depth < interceptorsMax && memberOf(below, 'nextCall') !== undefined; depth += 1) {
    below = memberOf(below, 'nextCall');
  }
  const stream = memberOf(below, 'stream');
  return typeof stream === 'object' && stream !== null ? stream : undefined;
}

export function memberOf(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined;
}

/**
 * A profile as text that can be kept beside figures: whose time it was, and which functions took most of it.
 *
 *   samples ──by the file of the function that ran──▶ our code | protobuf-es | grpc-js | node http2, tls | … | native | gc
 *
 * Time is self time: a function that calls another is not charged for it, but for what it calls of the language itself, such as
 * `Map.set`. `native` is what Node's own C++ does, mostly without a name for it: nghttp2, OpenSSL, libuv and the system calls
 * that they make. Waiting is told apart and is no share of anything.
 */
import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';

export interface ProfileParts {
  readonly profile: Profiler.Profile;
  readonly heap: HeapProfiler.SamplingHeapProfile;
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Functions that are told of each: more is for a tool with pictures. */
const functionsTold = 15;
const allocatorsTold = 8;

const groups: readonly (readonly [name: string, url: RegExp])[] = [
  ['protobuf-es', /\/node_modules\/@bufbuild\/|\/gen\//],
  ['grpc-js', /\/node_modules\/@grpc\//],
  ['other packages', /\/node_modules\//],
  ['our code', /\/src\//],
  ['the bench', /\/bench\//],
  ['node http2, tls', /^node:.*(http2|tls|net|stream|buffer)/],
  ['node, the rest', /^node:/],
];

const native = 'native (nghttp2, OpenSSL, system calls)';
const idle = 'idle';

/** @param caller group of who called it. Node alone calls its own C++; what others call without a file is of the language. */
export function groupOf({ url, functionName }: Runtime.CallFrame, caller: string = native): string {
  if (functionName === '(garbage collector)') return 'gc';
  if (functionName === '(idle)') return idle;
  if (url === '') return functionName.startsWith('(') || caller.startsWith('node') ? native : caller;
  return groups.find(([, pattern]) => pattern.test(url))?.[0] ?? native;
}

export function profileText({ profile, heap, delayMs }: ProfileParts): string {
  const time = new Tally();
  const frames = framesOf(profile);
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const frame = frames.get(id);
    // The time until the next sample is this one's.
    if (frame !== undefined) time.add(frame.callFrame, frame.group, profile.timeDeltas?.[index + 1] ?? 0);
  }
  const idleUs = time.without(idle);
  const allocated = new Tally();
  addAllocated(heap.head, allocated);
  const { p50, p99, max } = delayMs;
  return [
    `processor: ${seconds(time.total)} busy, ${seconds(idleUs)} idle`,
    ...time.byGroup(),
    'most self time:',
    ...time.byFunction(functionsTold),
    `allocated: ${(allocated.total / 1e6).toFixed(0)} MB`,
    ...allocated.byGroup(),
    'most allocated:',
    ...allocated.byFunction(allocatorsTold),
    `event loop late by: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at most ${max.toFixed(0)} ms`,
  ].join('\n');
}

interface Frame {
  readonly callFrame: Runtime.CallFrame;
  readonly group: string;
}

/** By id of its node. A caller comes before what it calls. */
function framesOf({ nodes }: Profiler.Profile): ReadonlyMap<number, Frame> {
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const frames = new Map<number, Frame>();
  for (const { id, callFrame } of nodes) {
    const caller = frames.get(callers.get(id) ?? 0);
    frames.set(id, { callFrame, group: groupOf(callFrame, caller?.group) });
  }
  return frames;
}

function addAllocated(node: HeapProfiler.SamplingHeapProfileNode, tally: Tally, caller?: string): void {
  const group = groupOf(node.callFrame, caller);
  tally.add(node.callFrame, group, node.selfSize);
  for (const child of node.children) addAllocated(child, tally, group);
}

/** Amounts by function and by group. */
class Tally {
  total = 0;
  readonly #groups = new Map<string, number>();
  readonly #functions = new Map<string, number>();

  add(frame: Runtime.CallFrame, group: string, amount: number): void {
    this.total += amount;
    this.#groups.set(group, (this.#groups.get(group) ?? 0) + amount);
    if (group === idle) return;
    const name = `${frame.functionName || '(anonymous)'}  ${placeOf(frame) || group}`;
    this.#functions.set(name, (this.#functions.get(name) ?? 0) + amount);
  }

  /** Takes a group out. @returns what it had. */
  without(group: string): number {
    const amount = this.#groups.get(group) ?? 0;
    this.#groups.delete(group);
    this.total -= amount;
    return amount;
  }

  byGroup(): readonly string[] {
    return this.#told(this.#groups, this.#groups.size);
  }

  byFunction(most: number): readonly string[] {
    return this.#told(this.#functions, most);
  }

  #told(amounts: ReadonlyMap<string, number>, most: number): readonly string[] {
    const sorted = [...amounts].sort(([, a], [, b]) => b - a).slice(0, most);
    return sorted.map(([name, amount]) => `  ${((100 * amount) / this.total).toFixed(1).padStart(5)} %  ${name}`);
  }
}

/** From the repository or the package on, with its line; empty where there is no file. */
function placeOf({ url, lineNumber }: Runtime.CallFrame): string {
  const [, path = ''] = /(?:node_modules\/|\/(?=(?:src|bench|gen)\/)|^(?=node:))(.*)$/.exec(url) ?? [];
  return path === '' ? '' : `${path}:${lineNumber + 1}`;
}

function seconds(us: number): string {
  return `${(us / 1e6).toFixed(2)} s`;
}

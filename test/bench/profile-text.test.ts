/** A profile as text: whose time it was. */
import { expect, test } from 'vitest';
import { groupOf, profileText } from '../../bench/profile-text.ts';

function frame(functionName: string, url: string) {
  return { functionName, url, scriptId: '1', lineNumber: 9, columnNumber: 0 };
}

test('time belongs to whoever wrote the function that ran', () => {
  const groups = [
    frame('build', 'file:///any/where/src/policy/view.ts'),
    frame('round', 'file:///any/where/bench/mesh-objects.ts'),
    frame('toBinary', 'file:///any/where/node_modules/@bufbuild/protobuf/dist/esm/to-binary.js'),
    frame('', 'file:///any/where/gen/envoy/config/cluster/v3/cluster_pb.js'),
    frame('write', 'file:///any/where/node_modules/@grpc/grpc-js/build/src/server-interceptors.js'),
    frame('onread', 'node:internal/http2/core'),
    frame('nextTick', 'node:internal/process/task_queues'),
    frame('writeBuffer', ''),
    frame('(garbage collector)', ''),
    frame('(idle)', ''),
  ].map((each) => groupOf(each));
  expect(groups).toEqual([
    'our code',
    'the bench',
    'protobuf-es',
    'protobuf-es',
    'grpc-js',
    'node http2, tls',
    'node, the rest',
    'native (nghttp2, OpenSSL, system calls)',
    'gc',
    'idle',
  ]);
});

test('what is of the language belongs to who called it, what is of Node in C++ to nobody', () => {
  const [set, write] = [frame('set', ''), frame('writeBuffer', '')];
  expect(groupOf(set, 'our code')).toBe('our code');
  expect(groupOf(write, 'node http2, tls')).toBe('native (nghttp2, OpenSSL, system calls)');
  expect(groupOf(frame('(program)', ''), 'our code')).toBe('native (nghttp2, OpenSSL, system calls)');
});

test('shares are of the time that was busy, by group and by function, with what was allocated and how late the loop was', () => {
  const nodes = [
    frame('(idle)', ''),
    frame('build', 'file:///x/src/policy/view.ts'),
    frame('write', 'file:///x/node_modules/@grpc/grpc-js/a.js'),
  ].map((callFrame, at) => ({ id: at + 1, callFrame, hitCount: 0 }));
  const profile = {
    nodes,
    startTime: 0,
    endTime: 0,
    samples: [1, 2, 3, 2],
    timeDeltas: [0, 6_000_000, 3_000_000, 1_000_000],
  };
  const heap = {
    head: {
      callFrame: frame('(root)', ''),
      selfSize: 0,
      id: 0,
      children: [{ callFrame: frame('build', 'file:///x/src/policy/view.ts'), selfSize: 2e6, id: 1, children: [] }],
    },
    samples: [],
  };
  const text = profileText({ profile, heap, delayMs: { p50: 0.1, p99: 12.34, max: 80 } });
  expect(text).toContain('processor: 4.00 s busy, 6.00 s idle');
  expect(text).toContain('75.0 %  our code');
  expect(text).toContain('25.0 %  grpc-js');
  expect(text).toContain('75.0 %  build  src/policy/view.ts:10');
  expect(text).toContain('25.0 %  write  @grpc/grpc-js/a.js:10');
  expect(text).toContain('allocated: 2 MB');
  expect(text).toContain('event loop late by: p50 0.1 ms, p99 12.3 ms, at most 80 ms');
  expect(text).not.toContain('(idle)');
});

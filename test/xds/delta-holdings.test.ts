/** What a client holds moves by whole responses: all of one, or nothing of it. */
import { create } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { DeltaDiscoveryResponseSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import {
  type Decoded,
  type Holdings,
  initialVersions,
  nothingHeld,
  takeResponse,
} from '../../src/xds/delta-holdings.ts';

/** Content is a word; `bad` cannot be decoded, and a word must begin like its name. */
function decode(any: Any, name: string): Decoded<string> {
  const word = Buffer.from(any.value).toString();
  if (word === 'bad') return { kind: 'refused', why: 'it is bad' };
  return word.startsWith(name) ? { kind: 'ok', value: word } : { kind: 'refused', why: 'it is of another name' };
}

function response(revision: string, words: Readonly<Record<string, string>>, removedResources: readonly string[] = []) {
  const resources = Object.entries(words).map(([name, word]) => ({
    name,
    version: `v-${word}`,
    resource: create(AnySchema, { typeUrl: 'type.googleapis.com/example.Word', value: Buffer.from(word) }),
  }));
  return create(DeltaDiscoveryResponseSchema, {
    systemVersionInfo: revision,
    resources,
    removedResources: [...removedResources],
  });
}

function held({ held: all, revision }: Holdings<string>): unknown {
  return { revision, ...Object.fromEntries([...all].map(([name, { value }]) => [name, value])) };
}

function taken(holdings: Holdings<string>, ...args: Parameters<typeof response>): Holdings<string> {
  const result = takeResponse(holdings, response(...args), decode);
  return result.kind === 'ack' ? result.holdings : expect.fail(result.why);
}

const first = taken(nothingHeld<string>(), 'r1', { a: 'a1', b: 'b1', c: 'c1' });

test('a response replaces what it names, takes away what it says is gone, and leaves the rest', () => {
  expect(held(taken(first, 'r2', { a: 'a2', d: 'd2' }, ['b', 'never-held']))).toEqual({
    revision: 'r2',
    a: 'a2',
    c: 'c1',
    d: 'd2',
  });
});

test('a resource that is removed and sent in one response is there', () => {
  expect(held(taken(first, 'r2', { a: 'a2' }, ['a']))).toMatchObject({ a: 'a2' });
});

test.for([
  ['cannot be decoded', { a: 'a2', b: 'bad', c: 'c2' }, 'resource `b`: it is bad'],
  ['comes under another name', { a: 'a2', b: 'c2' }, 'resource `b`: it is of another name'],
] as const)('a response in which one resource %s changes nothing, and says which', ([, words, why]) => {
  expect(takeResponse(first, response('r2', words, ['c']), decode)).toEqual({ kind: 'nack', why });
  expect(held(first)).toEqual({ revision: 'r1', a: 'a1', b: 'b1', c: 'c1' });
});

test('a resource without content changes nothing', () => {
  const empty = create(DeltaDiscoveryResponseSchema, { resources: [{ name: 'a', version: 'v' }] });
  expect(takeResponse(first, empty, decode)).toEqual({ kind: 'nack', why: 'resource `a` has no content' });
});

test('a new stream is told the versions of what is held, and nothing of what is gone', () => {
  expect(initialVersions(nothingHeld())).toEqual({});
  expect(initialVersions(taken(first, 'r2', { a: 'a2' }, ['b']))).toEqual({ a: 'v-a2', c: 'v-c1' });
});

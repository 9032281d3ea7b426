/** What an API server may write, and what comes of what it would never write. */
import { expect, test } from 'vitest';
import { readLines, readText } from '../../../src/kube/inform/bounded-text.ts';
import { readClusterItem } from '../../../src/kube/inform/cluster-item.ts';
import { parseEvent, parsePage, parseRefusal } from '../../../src/kube/inform/parse-answer.ts';
import { collectionPath, informRules, resources } from '../../../src/kube/inform/resource.ts';
import { kinds } from '../../../src/model/kinds/catalogue.ts';

const pods = readerOf('Pod');
const pod = { metadata: { name: 'cart-1', namespace: 'shop', resourceVersion: '7' }, spec: {} };
const metadata = { resourceVersion: '9' };

function readerOf(kind: string) {
  const resource = resources.find((each) => each.kind === kind);
  if (resource === undefined) throw new Error(`no resource holds \`${kind}\``);
  return (raw: unknown) => readClusterItem(resource, raw);
}

test('a list is read with what it leaves out: what kind its items are', () => {
  expect(parsePage(pods, JSON.stringify({ metadata: { ...metadata, continue: 'more' }, items: [pod] }))).toMatchObject({
    kind: 'page',
    resourceVersion: '9',
    continueToken: 'more',
    items: [{ key: 'shop/cart-1', resourceVersion: '7', read: { kind: 'object', object: { id: 'Pod/shop/cart-1' } } }],
  });
});

test.each([
  ['nothing', ''],
  ['half of it', JSON.stringify({ metadata, items: [pod] }).slice(0, -9)],
  ['a list without items', JSON.stringify({ metadata })],
  ['a list without a revision', JSON.stringify({ metadata: {}, items: [] })],
  ['a list of revision 0', JSON.stringify({ metadata: { resourceVersion: '0' }, items: [] })],
  ['a list of texts', JSON.stringify({ metadata, items: ['pod'] })],
  ['a nameless item', JSON.stringify({ metadata, items: [{ metadata: { resourceVersion: '7' } }] })],
  ['an item without a revision', JSON.stringify({ metadata, items: [{ metadata: { name: 'cart-1' } }] })],
  ['an object', JSON.stringify(pod)],
  ['a text', '"items"'],
])('FLT-18: %s is no list, and least of all an empty one', (_what, text) => {
  expect(parsePage(pods, text)).toMatchObject({ kind: 'failed', failure: { kind: 'unanswered' } });
});

test.each([
  ['ADDED', 'put'],
  ['MODIFIED', 'put'],
  ['DELETED', 'gone'],
])('%s is an event of the watch', (type, kind) => {
  expect(parseEvent(pods, JSON.stringify({ type, object: pod }))).toMatchObject({ kind, item: { key: 'shop/cart-1' } });
});

test('a bookmark carries a revision and no object', () => {
  expect(parseEvent(pods, JSON.stringify({ type: 'BOOKMARK', object: { metadata } }))).toEqual({
    kind: 'bookmark',
    resourceVersion: '9',
  });
});

test('an error of the watch says what it is', () => {
  const object = { kind: 'Status', code: 410, message: 'too old resource version: 3 (9)' };
  expect(parseEvent(pods, JSON.stringify({ type: 'ERROR', object }))).toEqual({
    kind: 'failed',
    failure: { kind: 'expired', text: 'the API server answered 410: `too old resource version: 3 (9)`' },
  });
});

test.each([
  ['half an event', '{"type":"ADDED","obj'],
  ['an event of no type', JSON.stringify({ object: pod })],
  ['an event of an unknown type', JSON.stringify({ type: 'REPLACED', object: pod })],
  ['an event without an object', JSON.stringify({ type: 'ADDED' })],
  ['an event of a nameless object', JSON.stringify({ type: 'ADDED', object: { metadata } })],
  ['a bookmark of no revision', JSON.stringify({ type: 'BOOKMARK', object: { metadata: {} } })],
])('FLT-18: %s is a failure', (_what, line) => {
  expect(parseEvent(pods, line)).toMatchObject({ kind: 'failed', failure: { kind: 'unanswered' } });
});

test('a refusal repeats the words of the API server within bounds, and without its line ends', () => {
  const { kind, text } = parseRefusal(403, JSON.stringify({ message: `no\n${'x'.repeat(9_999)}` }), undefined);
  expect(kind).toBe('refused');
  expect(text).toMatch(/^the API server answered 403: `no\ufffdx{197}…`$/);
  expect(parseRefusal(503, '<html>', 4_000)).toEqual({
    kind: 'unanswered',
    text: 'the API server answered 503',
    retryAfterMs: 4_000,
  });
});

test('a null that an API server let pass is refused, as in a folder', () => {
  const grant = {
    metadata: { name: 'to-pay', namespace: 'pay', resourceVersion: '7' },
    spec: { from: { tenant: 'shop', serviceAccounts: null }, to: { service: 'pay' }, reason: 'they pay' },
  };
  const answer = parsePage(readerOf('Grant'), JSON.stringify({ metadata, items: [grant] }));
  expect(answer).toMatchObject({
    items: [{ read: { object: { kind: 'broken' }, problems: [{ path: 'spec.from.serviceAccounts' }] } }],
  });
});

test('of an object no more is kept than is read', () => {
  const large = { ...pod, metadata: { ...pod.metadata, annotations: { note: 'x'.repeat(1_024 * 1_024) } } };
  const answer = parsePage(pods, JSON.stringify({ metadata, items: [large] }));
  expect(JSON.stringify(answer).length).toBeLessThan(1_024);
});

test('every kind that is read has a path, and the right to list and watch it', () => {
  expect(resources.map(({ kind }) => kind).sort()).toEqual(Object.keys(kinds).sort());
  expect(resources.map(collectionPath)).toContain('/apis/coffre.dev/v1alpha1/accesspolicies');
  expect(resources.map(collectionPath)).toContain('/api/v1/pods');
  expect(informRules.flatMap(({ resources: plurals }) => plurals)).toHaveLength(resources.length);
  expect(new Set(informRules.flatMap(({ verbs }) => verbs))).toEqual(new Set(['list', 'watch']));
});

async function* bodyOf(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
}

async function linesOf(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(body, bytesMax)) lines.push(line);
  return lines;
}

test('lines are found however the bytes are cut, and one that has no end is none', async () => {
  expect(await linesOf(bodyOf('a', 'b\n', '\nc\nd', 'e', '\n', 'half'), 8)).toEqual(['ab', 'c', 'de']);
  const accent = Buffer.from('é\n').toString('latin1');
  expect(await linesOf(bodyOf(accent.slice(0, 1), accent.slice(1)), 8)).toEqual(['é']);
});

test('a line or a text beyond its bound is given up before it is held', async () => {
  await expect(linesOf(bodyOf('12345678', '9'), 8)).rejects.toThrow('more than 8 bytes');
  await expect(linesOf(bodyOf('123456789\n'), 8)).rejects.toThrow('more than 8 bytes');
  await expect(readText(bodyOf('12345678', '9'), 8)).rejects.toThrow('more than 8 bytes');
  expect(await readText(bodyOf('1234', '5678'), 8)).toBe('12345678');
});

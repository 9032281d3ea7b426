/** What a folder keeps, look by look: each test is a story of readings and of what is in force after each. */
import { expect, test } from 'vitest';
import { advance, emptyFolder, type FolderReading, type FolderState } from '../../src/folder/folder-state.ts';
import type { Problem } from '../../src/model/problem.ts';
import { formatSourceRef } from '../../src/model/source-ref.ts';
import { grant, policy, service, tenant } from '../model/written.ts';

const settleMs = 100;

function reading(files: Readonly<Record<string, string>>): FolderReading {
  return { kind: 'read', files: new Map(Object.entries(files).map(([name, text]) => [name, { kind: 'text', text }])) };
}

function look(state: FolderState, files: Readonly<Record<string, string>>, nowMs: number): FolderState {
  return advance(state, reading(files), nowMs, settleMs);
}

/** `kind id` of what is in force. */
function inForce({ objects }: FolderState): string[] {
  return objects.map(({ kind, id }) => `${kind} ${id}`);
}

function told({ problems }: FolderState): string[] {
  return problems.map(({ code, where, advice }) => `${code} ${formatSourceRef(where)} ${advice.split('; ').at(-1)}`);
}

const shop = tenant('shop');
const api = service('shop', 'api', '10.96.1.1', { app: 'api' });
const path = grant('shop', 'g', 'billing', 'api');
const deny = policy('shop', 'p', 'selector: {matchLabels: {app: api}}\n  deny: [{}]');

function documents(...texts: readonly string[]): string {
  return texts.join('---\n');
}

test('a file that does not parse keeps its last good state, whole, and the other files go on', () => {
  const first = look(emptyFolder, { 'a.yaml': documents(shop, path), 'b.yaml': api }, 0);
  const broken = look(first, { 'a.yaml': 'a: [', 'b.yaml': deny }, 1_000);
  expect(inForce(broken)).toEqual([
    'valid Tenant//shop',
    'valid Grant/shop/g',
    'valid AccessPolicy/shop/p',
    'valid Service/shop/api',
  ]);
  expect(told(broken)[0]).toBe('yaml-syntax a.yaml:1 until then the last good state of this file stays in force');
  const later = look(broken, { 'a.yaml': 'a: [', 'b.yaml': deny }, 9_000);
  expect(inForce(later)).toEqual(['valid Tenant//shop', 'valid Grant/shop/g', 'valid AccessPolicy/shop/p']);
  const mended = look(later, { 'a.yaml': shop, 'b.yaml': deny }, 10_000);
  expect(mended.problems).toEqual([]);
});

test('a file that never was good gives nothing, and its broken policy denies', () => {
  const state = look(
    emptyFolder,
    { 'a.yaml': 'a: [', 'b.yaml': deny.replace('deny', 'deni'), 'c.yaml': shop.replace('prod', '7') },
    0,
  );
  expect(inForce(state)).toEqual(['broken AccessPolicy/shop/p', 'broken Tenant//shop']);
  expect(told(state).join()).not.toContain('last good');
});

test('of a document that is no longer valid, each kind keeps what cannot loosen', () => {
  const first = look(emptyFolder, { 'a.yaml': documents(shop, api, path, deny) }, 0);
  const edited = documents(
    shop.replace('prod', '7'),
    api.replace('80', 'x'),
    path.replace('billing', '7'),
    deny.replace('[{}]', '7'),
  );
  const state = look(first, { 'a.yaml': edited }, 1_000);
  expect(inForce(state)).toEqual([
    'valid Tenant//shop',
    'valid Service/shop/api',
    'broken Grant/shop/g',
    'broken AccessPolicy/shop/p',
  ]);
  expect(told(state).filter((line) => line.includes('last good'))).toEqual([
    'wrong-type a.yaml:4 until then the last good state of Tenant `shop` stays in force',
    'wrong-type a.yaml:12 until then the last good state of Service `api` stays in force',
  ]);
  // The same text seen again says the same.
  expect(inForce(look(state, { 'a.yaml': edited }, 9_000))).toEqual(inForce(state));
});

test('a broken edit that moves a selector denies the whole tenant, for as long as it is broken', () => {
  const first = look(emptyFolder, { 'a.yaml': deny }, 0);
  const moved = deny.replace('app: api', 'app: web').replace('[{}]', '7');
  const state = look(first, { 'a.yaml': moved }, 1_000);
  expect(state.objects).toMatchObject([{ kind: 'broken', scope: { selector: undefined } }]);
  expect(look(state, { 'a.yaml': moved }, 9_000).objects).toMatchObject([
    { kind: 'broken', scope: { selector: undefined } },
  ]);
  const stayed = look(first, { 'a.yaml': deny.replace('[{}]', '7') }, 1_000);
  expect(stayed.objects).toMatchObject([{ kind: 'broken', scope: { selector: { app: 'api' } } }]);
});

test('a broken edit puts nothing under audit that was enforced, and leaves under audit what was', () => {
  const audited = deny.replace('spec:', 'spec:\n  enforcement: Audit');
  const broken = audited.replace('[{}]', '7');
  const enforced = look(look(emptyFolder, { 'a.yaml': deny }, 0), { 'a.yaml': broken }, 1_000);
  expect(enforced.objects).toMatchObject([{ kind: 'broken', scope: { enforcement: 'Enforce' } }]);
  expect(look(enforced, { 'a.yaml': broken }, 9_000).objects).toEqual(enforced.objects);
  const watched = look(look(emptyFolder, { 'a.yaml': audited }, 0), { 'a.yaml': broken }, 1_000);
  expect(watched.objects).toMatchObject([{ kind: 'broken', scope: { enforcement: 'Audit' } }]);
});

test('what nobody can identify might be any object of the file: what is gone stays, but for grants', () => {
  const first = look(emptyFolder, { 'a.yaml': documents(deny, path) }, 0);
  const misspelt = { 'a.yaml': deny.replace('AccessPolicy', 'AcessPolicy') };
  const state = look(look(first, misspelt, 1_000), misspelt, 9_000);
  expect(inForce(state)).toEqual(['valid AccessPolicy/shop/p']);
  expect(state.lookAgainAtMs).toBeUndefined();
});

test('an emptied file, a removed object and a removed file are believed after the settle time, not before', () => {
  const first = look(emptyFolder, { 'a.yaml': documents(shop, api), 'b.yaml': deny, 'c.yaml': path }, 0);
  const files = { 'a.yaml': shop, 'b.yaml': '' };
  const gone = look(first, files, 1_000);
  expect(inForce(gone)).toEqual(inForce(first));
  expect(gone.lookAgainAtMs).toBe(1_100);
  expect(inForce(look(gone, files, 1_099))).toEqual(inForce(first));
  const believed = look(gone, files, 1_100);
  expect(inForce(believed)).toEqual(['valid Tenant//shop']);
  expect(believed.lookAgainAtMs).toBeUndefined();
});

test('a file that comes back within the settle time was never gone', () => {
  const first = look(emptyFolder, { 'a.yaml': deny }, 0);
  const back = look(look(first, {}, 1_000), { 'a.yaml': deny }, 1_050);
  expect(inForce(look(look(back, {}, 1_120), {}, 1_219))).toEqual(['valid AccessPolicy/shop/p']);
});

test('an object that moved to another file is in force there, once', () => {
  const first = look(emptyFolder, { 'a.yaml': documents(shop, deny) }, 0);
  const moved = look(first, { 'a.yaml': shop, 'b.yaml': deny }, 1_000);
  expect(moved.objects.map(({ id, where }) => `${id} ${where.file}`)).toEqual([
    'Tenant//shop a.yaml',
    'AccessPolicy/shop/p b.yaml',
  ]);
});

test('a folder that cannot be read takes nothing away', () => {
  const problem: Problem = {
    code: 'file-unreadable',
    severity: 'error',
    where: { file: '', line: 1 },
    path: '',
    message: 'm',
    advice: 'a',
  };
  const first = look(emptyFolder, { 'a.yaml': deny }, 0);
  const state = advance(first, { kind: 'failed', problem }, 9_000, settleMs);
  expect(inForce(state)).toEqual(['valid AccessPolicy/shop/p']);
  expect(told(state)).toEqual(['file-unreadable :1 until then the last good state of the folder stays in force']);
});

test('a file that may no longer be read keeps its last good state', () => {
  const problem: Problem = {
    code: 'file-unreadable',
    severity: 'error',
    where: { file: 'a.yaml', line: 1 },
    path: '',
    message: 'm',
    advice: 'a',
  };
  const first = look(emptyFolder, { 'a.yaml': deny }, 0);
  const state = advance(
    first,
    { kind: 'read', files: new Map([['a.yaml', { kind: 'unreadable', problem }]]) },
    9_000,
    settleMs,
  );
  expect(inForce(state)).toEqual(['valid AccessPolicy/shop/p']);
  expect(told(state)).toEqual(['file-unreadable a.yaml:1 until then the last good state of this file stays in force']);
});

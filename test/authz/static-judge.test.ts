import { expect, test } from 'vitest';
import { accessRequest } from '../../src/authz/access-request.ts';
import { readCheckRequest } from '../../src/authz/check-request.ts';
import type { Decision } from '../../src/authz/judge.ts';
import { defaultCheckLimits } from '../../src/authz/limits.ts';
import { staticJudge } from '../../src/authz/static-judge.ts';
import { parseStaticRules } from '../../src/authz/static-rules.ts';
import { cart, checkRequest, type RequestSketch } from './support/check-request.ts';

const audit = 'spiffe://mesh.example/ns/audit/sa/reader';
const rules = {
  rules: [
    { name: 'cart reads and writes', principals: [cart], methods: ['GET', 'POST'], paths: ['/items', '/cart/open'] },
    { name: 'audit reads all', principals: [audit], methods: ['GET'], paths: ['/'] },
    { name: 'both see the front', principals: [cart, audit, cart], methods: ['GET'], paths: ['/front'] },
  ],
};

test.for<[RequestSketch, string]>([
  [{ path: '/items' }, 'cart reads and writes'],
  [{ path: '/items/7?all=1' }, 'cart reads and writes'],
  [{ path: '/items', method: 'POST' }, 'cart reads and writes'],
  [{ path: '/front' }, 'both see the front'],
  [{ path: '/anything/at/all', principal: audit }, 'audit reads all'],
  [{ path: '/items-old' }, 'no-allow-rule'],
  [{ path: '/items;v=1' }, 'no-allow-rule'],
  [{ path: '/ITEMS' }, 'no-allow-rule'],
  [{ path: '/cart' }, 'no-allow-rule'],
  [{ path: '/' }, 'no-allow-rule'],
  [{ path: '*', method: 'GET', principal: audit }, 'no-allow-rule'],
  [{ path: '/items', method: 'DELETE' }, 'no-allow-rule'],
  [{ path: '/items', method: 'get' }, 'no-allow-rule'],
  [{ path: '/items', principal: `${cart}2` }, 'no-allow-rule'],
  [{ path: '/items', principal: cart.toUpperCase() }, 'no-principal'],
  [{ path: '/items', principal: 'cart.shop' }, 'no-principal'],
  [{ path: '/items', principal: '' }, 'no-principal'],
  [{ path: '/items/../admin' }, 'path-not-normalised'],
  [{ path: '/items/.' }, 'path-not-normalised'],
  [{ path: '/items/..;/admin' }, 'path-not-normalised'],
  [{ path: '/items/%2e%2E/admin' }, 'path-not-normalised'],
  [{ path: '/items%2F..%2fadmin' }, 'path-not-normalised'],
  [{ path: '/items\\..\\admin' }, 'path-not-normalised'],
  [{ path: '/items/%5C..%5cadmin' }, 'path-not-normalised'],
  [{ path: '/items//admin' }, 'path-not-normalised'],
  [{ path: '/items/...' }, 'cart reads and writes'],
  [{ path: '/items/.hidden' }, 'cart reads and writes'],
])('%o is judged `%s`', ([sketch, want]) => {
  const decision = judge(parsed(JSON.stringify(rules)), sketch);
  expect(decision.kind === 'allow' ? decision.rule : decision.kind === 'deny' && decision.reason).toBe(want);
});

test('a decision names the text of the rules file it came from', () => {
  const revisionOf = (text: string) => {
    const decision = judge(parsed(text), {});
    return decision.kind === 'unavailable' ? undefined : decision.revision;
  };
  const text = JSON.stringify(rules);
  expect(revisionOf(text)).toMatch(/^[0-9a-f]{12}$/);
  expect(revisionOf(text)).toBe(revisionOf(text));
  expect(revisionOf(`${text} `)).not.toBe(revisionOf(text));
});

test('an empty list of rules denies everybody', () => {
  expect(judge(parsed('{"rules":[]}'), {})).toMatchObject({ kind: 'deny', reason: 'no-allow-rule' });
});

const rule = { name: 'r', principals: [cart], methods: ['GET'], paths: ['/'] };
test.for<[string, unknown, string]>([
  ['no list', {}, '/'],
  ['an unknown word, which may be a restriction misspelled', { rules: [{ ...rule, hosts: ['a'] }] }, '/rules/0'],
  ['no methods', { rules: [{ ...rule, methods: [] }] }, '/rules/0/methods'],
  ['a method pattern', { rules: [{ ...rule, methods: ['*'] }] }, '/rules/0/methods/0'],
  ['no principals', { rules: [{ ...rule, principals: [] }] }, '/rules/0/principals'],
  ['a principal that is no SPIFFE ID', { rules: [{ ...rule, principals: ['cart'] }] }, '/rules/0/principals/0'],
  ['a path that is relative', { rules: [{ ...rule, paths: ['items'] }] }, '/rules/0/paths/0'],
  ['a path that ends in a slash', { rules: [{ ...rule, paths: ['/items/'] }] }, '/rules/0/paths/0'],
  ['a path with a query', { rules: [{ ...rule, paths: ['/items?a'] }] }, '/rules/0/paths/0'],
])('a rules file with %s is refused at its place', ([, value, place]) => {
  const result = parseStaticRules(JSON.stringify(value));
  expect(result).toMatchObject({ kind: 'refused' });
  expect(result.kind === 'refused' && result.problems.join('\n')).toContain(`\`${place}\``);
});

test('a rules file that is not JSON is refused', () => {
  expect(parseStaticRules('rules:')).toMatchObject({ kind: 'refused' });
});

function parsed(text: string): ReturnType<typeof staticJudge> {
  const result = parseStaticRules(text);
  if (result.kind === 'refused') throw new Error(result.problems.join('\n'));
  return staticJudge(result.rules);
}

function judge(by: ReturnType<typeof staticJudge>, sketch: RequestSketch): Decision {
  const read = readCheckRequest(checkRequest(sketch), defaultCheckLimits);
  if (read.kind === 'refused') throw new Error(read.why);
  const access = accessRequest(read.fields);
  if (access.kind === 'undecodable') throw new Error(access.why);
  return by.judge(access.request);
}

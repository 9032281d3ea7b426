/**
 * What a path of a rule speaks of: an allow of it by its letters, a deny as an application may read it.
 *
 * Each row says of a path which of the two match; a path that is unclean is refused whatever the rules say.
 */
import { describe, expect, test } from 'vitest';
import { pathMatches } from '../../src/model/path-match.ts';
import { type Effect, pathMatcher } from '../../src/policy/match-path.ts';
import { isUnclean, readPath } from '../../src/policy/read-path.ts';

describe.each([
  {
    rule: '/admin',
    both: ['/admin'],
    denyOnly: ['/admin;x', '/admin;x=1;y', '/admin%3Bx', '/admin%3bx', '/%61dmin'],
    none: ['/admin/', '/admin/x', '/administrator', '/', '/Admin', '/admin/;x'],
  },
  {
    rule: '/admin/*',
    both: ['/admin', '/admin/', '/admin/x', '/admin/x/y', '/admin/;', '/admin/x;y'],
    denyOnly: ['/admin;x', '/admin;x/y', '/admin%3B/y'],
    none: ['/administrator', '/admin-x', '/admin.json', '/Admin/x', '/x/admin', '/'],
  },
  { rule: '/a/b/*', both: ['/a/b', '/a/b/c'], denyOnly: ['/a;/b', '/a;x/b;y/c'], none: ['/a', '/a/', '/a/bc'] },
  { rule: '/a/', both: ['/a/'], denyOnly: ['/a/;x', '/a;x/'], none: ['/a', '/a/x'] },
  { rule: '/', both: ['/'], denyOnly: ['/;x'], none: ['/x'] },
  { rule: "/a!b'(c),d", both: ["/a!b'(c),d"], denyOnly: ['/a%21b%27%28c%29%2cd', '/a%21b%27(c)%2Cd;x'], none: ['/a'] },
  {
    rule: '/documents/{id}',
    both: ['/documents/7', '/documents/a%20b', '/documents/7;v=1', '/documents/%24'],
    denyOnly: ['/documents;x/7'],
    none: ['/documents', '/documents/', '/documents/;x', '/documents/%3bx', '/documents/7/', '/documents/7/8'],
  },
  {
    rule: '/{tenant}/documents/{id}/parts',
    both: ['/a/documents/7/parts', '/a;x/documents/7/parts'],
    denyOnly: ['/a/documents;x/7/parts', '/a/documents/7/parts;x'],
    none: ['/a/documents/7', '/a/documents/7/parts/1', '/documents/7/parts'],
  },
])('$rule', ({ rule, both, denyOnly, none }) => {
  const matches = (path: string, effect: Effect) =>
    pathMatches([rule]).some((match) => pathMatcher(match, effect)(readPath(path)));
  const found = (path: string) => `allow ${matches(path, 'allow')}, deny ${matches(path, 'deny')}`;
  test.each(both)('is %j', (path) => expect(found(path)).toBe('allow true, deny true'));
  test.each(denyOnly)('may be read out of %j', (path) => expect(found(path)).toBe('allow false, deny true'));
  test.each(none)('is not %j', (path) => expect(found(path)).toBe('allow false, deny false'));
});

test.each([
  ...['', '*', 'admin', '//admin', '/a//b', '/./a', '/a/.', '/a/..', '/../a', '/a/..;x/b', '/..;/a', '/.;x', '/a/..;'],
  ...['/..%3Bx/a', '/.%3b', '/;x/admin', '/a/;/b', '/%3Bx/admin', '/a%2fb', '/a%2Fb', '/a%5cb', '/a%2e', '/a%00b'],
  ...['/a%', '/a%4', '/a%zz', '/a%4/b', '/a\\b', '/a b', '/\u00e9'],
])('%j is unclean', (path) => expect(isUnclean(path)).toBe(true));

test.each([
  '/',
  '/a',
  '/a/',
  '/a;x',
  '/a;x/b',
  '/;x',
  '/a/;x',
  '/...',
  '/..a',
  '/.well-known/x',
  '/a..;x',
  '/a%20b',
  '/a%252e',
  '/a%3Bx',
])('%j is clean', (path) => expect(isUnclean(path)).toBe(false));

test('the whole tree is no restriction at all', () => {
  expect(pathMatches(['/admin', '/*'])).toEqual([]);
});

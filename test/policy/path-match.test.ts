/** A path of a rule is that path exactly, or a subtree: itself and what follows it after `/` or `;`, and nothing else. */
import { describe, expect, test } from 'vitest';
import { pathMatches } from '../../src/model/path-match.ts';
import { matchesPath } from '../../src/policy/decide.ts';

describe.each([
  { rule: '/admin', yes: ['/admin'], no: ['/admin/', '/admin/x', '/admin;x', '/administrator', '/', '/Admin', ''] },
  {
    rule: '/admin/*',
    yes: ['/admin', '/admin/', '/admin/x', '/admin/x/y', '/admin;x', '/admin;x/y', '/admin/;'],
    no: ['/administrator', '/admin-x', '/admin.json', '/admin%2fx', '/Admin/x', '/x/admin', 'admin/x', '/', ''],
  },
  { rule: '/a/b/*', yes: ['/a/b', '/a/b/c'], no: ['/a', '/a/', '/a/bc', '/a;/b'] },
  { rule: '/', yes: ['/'], no: ['', '/x', '//'] },
])('$rule', ({ rule, yes, no }) => {
  const matches = (path: string) => pathMatches([rule]).some((match) => matchesPath(match, path));
  test.each(yes)('is %j', (path) => expect(matches(path)).toBe(true));
  test.each(no)('is not %j', (path) => expect(matches(path)).toBe(false));
});

test('the whole tree is no restriction at all', () => {
  expect(pathMatches(['/admin', '/*'])).toEqual([]);
});

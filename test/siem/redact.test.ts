/** What of a person and of a path leaves for a SIEM. */
import { expect, test } from 'vitest';
import { redactPath, redactPerson } from '../../src/siem/redact.ts';

test.each([
  ['/', '/'],
  ['', ''],
  ['/v1/items', '/v1/items'],
  ['/api/users/4711', '/api/users/*'],
  ['/api/users/4711/orders/9', '/api/users/*/…'],
  ['/api/alice@shop.example', '/api/*'],
  ['/api/alice%40shop.example', '/api/*'],
  ['/u/3f0c8e1a-77aa-4d6e-9b1f-0d2c6a7f5e10', '/u/*'],
  ['/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9m', '/t/*'],
  ['/../../etc/passwd', '/../../etc/…'],
  ['/a b/c\nd/é', '/*/*/*'],
  ['4711', '*'],
])('the path `%s` is told as `%s`', (path, told) => {
  expect(redactPath(path, 'shape')).toBe(told);
});

test('a path is told whole where that was chosen', () => {
  expect(redactPath('/api/users/4711', 'whole')).toBe('/api/users/4711');
});

test.each([
  ['p:0a1b2c3d4e5f:c2VhbGVk', 'p:0a1b2c3d4e5f'],
  ['p:0a1b2c3d4e5f', 'p:0a1b2c3d4e5f'],
  ['owner', 'owner'],
  ['alice@shop.example', '[redacted]'],
  ['p:0a1b2c3d4e5f:c2Vh\nalice', '[redacted]'],
])('the person `%s` is told as `%s`', (person, told) => {
  expect(redactPerson(person)).toBe(told);
});

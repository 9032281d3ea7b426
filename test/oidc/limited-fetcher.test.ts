/** However many issuers there are, a few are asked at a time, and each is asked. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fetchesMax, limitedFetcher } from '../../src/oidc/limited-fetcher.ts';

test('the next begins when one ends, however it ends, and in the order they came', async () => {
  const asked: string[] = [];
  const open: { answer(): void; fail(): void }[] = [];
  const fetchKeys = limitedFetcher(({ issuer }) => {
    asked.push(issuer);
    return new Promise((resolve, reject) => {
      open.push({ answer: () => resolve({ document: Buffer.from(issuer) }), fail: () => reject(new Error(issuer)) });
    });
  });
  const names = Array.from({ length: fetchesMax + 3 }, (_, index) => `issuer-${index}`);
  const told = Promise.all(
    names.map((issuer) =>
      fetchKeys({ issuer, jwksUri: undefined }).then(
        ({ document }) => `${Buffer.from(document)}`,
        (error: Error) => `no ${error.message}`,
      ),
    ),
  );
  expect(asked).toEqual(names.slice(0, fetchesMax));
  open[4]?.fail();
  open[7]?.answer();
  await setImmediate();
  expect(asked).toEqual(names.slice(0, fetchesMax + 2));
  for (const { answer } of open) answer();
  await setImmediate();
  expect(asked).toEqual(names);
  for (const { answer } of open) answer();
  expect(await told).toEqual(names.map((name) => (name === 'issuer-4' ? `no ${name}` : name)));
  // And all places are free again.
  const more = names.slice(0, fetchesMax).map((issuer) => fetchKeys({ issuer, jwksUri: undefined }));
  expect(asked).toHaveLength(2 * fetchesMax + 3);
  for (const { answer } of open) answer();
  await Promise.all(more);
});

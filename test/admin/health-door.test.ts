/** What a kubelet hears. */
import { expect, onTestFinished, test } from 'vitest';
import { openHealthDoor } from '../../src/admin/health-door.ts';

test('a process lives from the first moment, is ready when it serves, and says nothing else to anybody', async () => {
  let isReady = false;
  const door = await openHealthDoor({ address: '127.0.0.1', port: 0 }, () => isReady);
  onTestFinished(() => door.close());
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${door.port}${path}`, { method });
    return [answer.status, await answer.text()];
  };
  expect([await ask('/live'), await ask('/ready')]).toEqual([
    [200, ''],
    [503, ''],
  ]);
  isReady = true;
  expect(await ask('/ready')).toEqual([200, '']);
  expect([await ask('/ready', 'POST'), await ask('/'), await ask('/ready?x')]).toEqual([
    [404, ''],
    [404, ''],
    [404, ''],
  ]);
});

test('an address that is taken is told at once', async () => {
  const door = await openHealthDoor({ address: '127.0.0.1', port: 0 }, () => true);
  onTestFinished(() => door.close());
  await expect(openHealthDoor({ address: '127.0.0.1', port: door.port }, () => true)).rejects.toThrow('EADDRINUSE');
});

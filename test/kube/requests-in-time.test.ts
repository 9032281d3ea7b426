/** How long an API server that took a request, and says no more, is waited for. */
import { expect, test } from 'vitest';
import { answeringWithin } from '../../src/kube/answering-within.ts';
import type { KubeAnswer } from '../../src/kube/kube-client.ts';
import { listPages } from '../../src/kube/list-pages.ts';
import { KubeObjects } from '../../src/kube/objects.ts';

const never = new AbortController().signal;

/** The head of an answer, and a body that ends with the request. */
async function stalled(signal: AbortSignal): Promise<KubeAnswer> {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{');
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }
  return { status: 200, retryAfterMs: undefined, body: body() };
}

test('a page that comes half is given up', async () => {
  const pages = listPages({ get: (_, signal) => stalled(signal) }, '/api/v1/pods', never, 10);
  await expect(pages.next()).rejects.toThrow('due to timeout');
});

test('who cannot wait asks no longer than that', async () => {
  const client = answeringWithin({ send: (_, signal) => stalled(signal) }, 10);
  const of = { group: '', version: 'v1', plural: 'pods' };
  expect(await new KubeObjects(client, never).read(of, 'one')).toMatchObject({ kind: 'unanswered' });
});

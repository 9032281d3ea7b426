/** What becomes of a question about the state that nobody answers; before an API server that does what the test says. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import type { KubeClient } from '../../../src/kube/kube-client.ts';
import { StateSecrets } from '../../../src/kube/secrets/state-secrets.ts';

const page = { metadata: { resourceVersion: '7' }, items: [] };

async function* bytesOf(body: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(body));
}

test('who has let go of the state waits for no answer any more, however long an API server wants to be left alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-unanswered-'));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 });
  const { promise: firstAsked, resolve: isAsked } = Promise.withResolvers<void>();
  let asked = 0;
  const client: KubeClient = {
    async get(path, signal) {
      if (path.includes('watch=1')) await new Promise((_, reject) => signal.addEventListener('abort', reject));
      return { status: 200, retryAfterMs: undefined, body: bytesOf(page) };
    },
    async send() {
      asked += 1;
      isAsked();
      return { status: 503, retryAfterMs: 86_400_000, body: bytesOf({}) };
    },
    close: async () => undefined,
  };
  const records = await StateSecrets.open({
    ...{ client, keyFile, entropy: systemPorts.entropy, signal: new AbortController().signal },
    ...{ changed: () => undefined, troubled: () => undefined },
  });
  const reading = expect(records.read('root')).rejects.toMatchObject({ message: expect.stringContaining('503') });
  await firstAsked;
  records.close();
  await reading;
  expect(asked).toBe(1);
  await rm(folder, { recursive: true });
});

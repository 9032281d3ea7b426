/** What is said while the Secrets of the state cannot be read, and what comes of it; before an API server that does what the test says. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followRecords } from '../../../src/kube/secrets/follow-records.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const refusal = { message: 'secrets is forbidden: "coffre" cannot list resource "secrets"' };
const page = { metadata: { resourceVersion: '7' }, items: [] };

/** @param answer to each list; a watch is never answered. */
function clientThat(answer: () => readonly [status: number, body: object]) {
  return {
    async get(path: string, signal: AbortSignal) {
      if (path.includes('watch=1')) await new Promise((_, reject) => signal.addEventListener('abort', reject));
      const [status, body] = answer();
      return { status, retryAfterMs: undefined, body: bytesOf(body) };
    },
  };
}

async function* bytesOf(body: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(body));
}

test('who may not read Secrets says so once, says what is missing, and goes on by itself once it may', async () => {
  let [asked, mayList] = [0, false];
  const client = clientThat(() => {
    asked += 1;
    return mayList ? [200, page] : [403, refusal];
  });
  const told: string[] = [];
  const opening = followRecords(client, {
    changed: () => undefined,
    troubled: ({ message, advice }) => told.push(`${message}; ${advice}`),
    signal: new AbortController().signal,
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toBeGreaterThan(2);
  expect(told).toEqual([
    expect.stringMatching(
      /`Secret` cannot be read.*cannot list.*allow the service account.*`list` and `watch` on `secrets`/,
    ),
  ]);
  mayList = true;
  await vi.advanceTimersByTimeAsync(30_000);
  const followed = await opening;
  expect([followed.names(), told.length]).toEqual([[], 1]);
  followed.close();
});

test('a process that may never read them ends with the reason, to be started again', async () => {
  const opening = followRecords(
    clientThat(() => [403, refusal]),
    { changed: () => undefined, troubled: () => undefined, signal: new AbortController().signal },
  );
  const ended = expect(opening).rejects.toMatchObject({ message: expect.stringContaining('verbs `list` and `watch`') });
  await vi.advanceTimersByTimeAsync(60_000);
  await ended;
});

test('a process that is to end while it waits for them waits no longer', async () => {
  const stop = new AbortController();
  const opening = followRecords(
    { get: (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)) },
    { changed: () => undefined, troubled: () => undefined, signal: stop.signal },
  );
  const ended = expect(opening).rejects.toMatchObject({ message: expect.stringContaining('the start was ended') });
  stop.abort();
  await ended;
});

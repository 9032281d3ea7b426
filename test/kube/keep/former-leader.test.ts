/** What a leader does no more, once it leads no more; before an API server that does what the test says. */
import { expect, test } from 'vitest';
import { informTimings } from '../../../src/kube/inform/timings.ts';
import { Keeper } from '../../../src/kube/keep/keeper.ts';
import { keptConfigMaps } from '../../../src/kube/keep/kept-kind.ts';
import { KubeObjects } from '../../../src/kube/objects.ts';

const wanted = { metadata: { name: 'coffre-mesh', namespace: 'shop' }, data: { 'root.crt': 'of yesterday' } };
const another = { metadata: { name: 'coffre-mesh', namespace: 'shop', uid: 'one', resourceVersion: '9' }, data: {} };

async function* bytesOf(body: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(body));
}

/** What is asked of a keeper that finds an object in the place of the one it would make. @param after its term, once that was read. */
async function askedWhere(after: number | undefined): Promise<readonly string[]> {
  const asked: string[] = [];
  const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
  let term: number | undefined = 7;
  const send = async ({ method }: { readonly method: string }) => {
    asked.push(method);
    if (method === 'GET') term = after;
    if (method === 'PUT') over();
    return { status: method === 'POST' ? 409 : 200, retryAfterMs: undefined, body: bytesOf(another) };
  };
  const get = async (path: string, signal: AbortSignal) => {
    if (path.includes('watch=1')) await new Promise((_, reject) => signal.addEventListener('abort', reject));
    const page = { metadata: { resourceVersion: '7' }, items: [] };
    return { status: 200, retryAfterMs: undefined, body: bytesOf(page) };
  };
  const keeper = new Keeper(keptConfigMaps, {
    client: { get },
    objects: new KubeObjects({ send }, new AbortController().signal),
    // Asked whether it is still so behind everything that it did.
    leadership: {
      term: () => {
        if (term === undefined) setImmediate(over);
        return term;
      },
      leader: () => undefined,
      onChange: () => () => undefined,
    },
    options: { timings: informTimings, nowMs: () => performance.now(), random: () => 0 },
    changed: () => undefined,
  });
  keeper.want([wanted]);
  await isOver;
  keeper.close();
  return asked;
}

test('a leader takes over what stands in the place of what it would make', async () => {
  expect((await askedWhere(7)).slice(0, 3)).toEqual(['POST', 'GET', 'PUT']);
});

test('who led a moment ago does not write over what it has only just read', async () => {
  expect(await askedWhere(undefined)).toEqual(['POST', 'GET']);
});

/** By what a replica knows that nobody can have led before it. */
import { expect, test } from 'vitest';
import { isNewMesh } from '../../../src/kube/secrets/is-new-mesh.ts';

async function* bytesOf(body: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(body));
}

test.each([
  [404, true, 'a mesh whose root is not there is new'],
  [200, false, 'a mesh whose root is there is not'],
  [403, false, 'a mesh of which nobody may know is taken for an old one'],
  [503, false, 'a mesh of which nobody answers is taken for an old one'],
])('%i: %s', async (status, isNew) => {
  const asked: string[] = [];
  const send = async ({ path }: { readonly path: string }) => {
    asked.push(path);
    return { status, retryAfterMs: undefined, body: bytesOf({ metadata: { name: 'coffre-state.root' } }) };
  };
  expect(await isNewMesh({ send }, new AbortController().signal)).toBe(isNew);
  expect(asked).toEqual(['/api/v1/namespaces/coffre-system/secrets/coffre-state.root']);
});

/** What it costs when a proxy comes back with what it holds: to look at each of its own resources once, and to say next to nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import type { Send } from '../../src/xds/order.ts';
import type { Resource } from '../../src/xds/resource.ts';
import { newStreamState, step } from '../../src/xds/stream.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { resource } from './resources.ts';

const typeUrl = typeUrls.endpoints;

/** Counts how often somebody asks for the hash of a resource's content. */
function counted(count: { compares: number }, name: string, content: string): Resource {
  const { version, ...rest } = resource(typeUrl, name, content);
  return {
    ...rest,
    get version() {
      count.compares += 1;
      return version;
    },
  };
}

/** A stream on which a client says at once what it still holds. @param stale of the `size` resources, so many are older ones. */
function comeBack(size: number, stale: number, subscribe: readonly string[]) {
  const count = { compares: 0 };
  const names = Array.from({ length: size }, (_, index) => `e${index}`);
  const listing = new Map(names.map((name) => [name, counted(count, name, 'new')] as const));
  const held = names.map(
    (name, index) => [name, resource(typeUrl, name, index < stale ? 'old' : 'new').version] as const,
  );
  const snapshot = { revision: 'r', types: new Map([[typeUrl, listing]]) };
  const request: DeltaRequest = {
    ...{ typeUrl, nonce: '', subscribe: [...(subscribe.length === 0 ? names : subscribe)], unsubscribe: [] },
    ...{ initialVersions: new Map(held), namesCount: size },
  };
  const result = step(delta, newStreamState(snapshot, true), { kind: 'request', request }, 0);
  if (result.kind !== 'step') throw new Error(result.kind);
  const sends: readonly Send[] = result.sends;
  return { compares: count.compares, told: sends.flatMap(({ resources }) => resources.map(({ name }) => name)) };
}

test.each([
  { how: 'by wildcard', subscribe: ['*'] },
  { how: 'by name', subscribe: [] },
])('who comes back $how is told what is newer, for one compare of each resource of its own', ({ subscribe }) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), (size, at) => {
      const stale = at % (size + 1);
      const { compares, told } = comeBack(size, stale, subscribe);
      expect(told.sort()).toEqual(Array.from({ length: stale }, (_, index) => `e${index}`).sort());
      // What is sent is asked for its version once more, to be remembered as sent.
      expect(compares).toBe(size + stale);
    }),
  );
});

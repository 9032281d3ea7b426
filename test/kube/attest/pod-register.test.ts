/** Which pods are not what they were, as far as a token can tell: in any history, the same as by the last moment alone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PodRegister } from '../../../src/kube/attest/pod-register.ts';
import { differenceOf } from '../../../src/model/difference.ts';
import type { SourcedObject } from '../../../src/model/sourced-object.ts';
import { objectsFrom } from '../../fixtures/mesh-from.ts';

interface PodSaid {
  readonly name?: string;
  readonly uid?: string;
  readonly account?: string;
  readonly node?: string;
  readonly ending?: boolean;
  readonly ready?: boolean;
}

/** The very same object for the same words, as a source hands it over. */
const made = new Map<string, readonly SourcedObject[]>();

function podsOf(...pods: readonly PodSaid[]): readonly SourcedObject[] {
  return pods.flatMap((said) => {
    const { name = 'web-0', uid = 'u-1', account = 'web', node = 'n-1', ending = false, ready = true } = said;
    const text = JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: { namespace: 'shop', name, uid, ...(ending ? { deletionTimestamp: '2027-01-31T18:00:00Z' } : {}) },
      spec: { serviceAccountName: account, nodeName: node },
      status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    });
    const objects = made.get(text) ?? objectsFrom(text).filter(({ ref }) => ref.kind === 'Pod');
    made.set(text, objects);
    return objects;
  });
}

class Looks {
  readonly register = new PodRegister();
  #seen: readonly SourcedObject[] = [];
  #nowMs = 0;

  look(...pods: readonly PodSaid[]): readonly string[] {
    const next = podsOf(...pods);
    const difference = differenceOf(this.#seen, next);
    this.#seen = next;
    this.#nowMs += 1;
    return [...this.register.take(difference, this.#nowMs)];
  }
}

test.each<readonly [string, PodSaid, boolean]>([
  ['is what it was', {}, false],
  ['is ready no more', { ready: false }, false],
  ['runs as somebody else', { account: 'admin' }, true],
  ['runs elsewhere', { node: 'n-2' }, true],
  ['is told to end', { ending: true }, true],
])('a pod that %s is news or not', (_, next, isNews) => {
  const looks = new Looks();
  expect(looks.look({})).toEqual([]);
  expect(looks.look(next)).toEqual(isNews ? ['shop/web-0'] : []);
  expect(looks.register.get('u-1')?.sinceMs).toBe(isNews ? 2 : 1);
});

test('a pod that is gone is news, and so is one whose name another has; the one that came is not', () => {
  const looks = new Looks();
  looks.look({}, { name: 'db-0', uid: 'u-2' });
  expect(looks.look({ uid: 'u-3' }, { name: 'db-0', uid: 'u-2' })).toEqual(['shop/web-0']);
  expect([looks.register.get('u-1'), looks.register.get('u-3')?.key]).toEqual([undefined, 'shop/web-0']);
  expect(looks.look({ uid: 'u-3' })).toEqual(['shop/db-0']);
});

test('that a pod was attested is known for as long as it is there', () => {
  const looks = new Looks();
  looks.look({});
  const pod = looks.register.get('u-1');
  if (pod === undefined) throw new Error('the pod is not known');
  expect(looks.register.wasAttested(pod)).toBe(false);
  looks.register.remember(pod);
  looks.look({ ending: true });
  expect(looks.register.wasAttested(pod)).toBe(true);
  looks.look();
  looks.register.remember(pod);
  expect(looks.register.wasAttested(pod)).toBe(false);
});

test('after any history the pods are those of its last moment alone', () => {
  const uids = ['u-1', 'u-2', 'u-3'];
  const said = fc.record({
    uid: fc.constantFrom(...uids),
    account: fc.constantFrom('web', 'api'),
    ending: fc.boolean(),
    ready: fc.boolean(),
  });
  const moment = fc.uniqueArray(said, { selector: ({ uid }) => uid, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(moment, { minLength: 1, maxLength: 8 }), (history) => {
      const [looks, last] = [new Looks(), new Looks()];
      const named = (pods: readonly PodSaid[]) => pods.map((pod) => ({ ...pod, name: `of-${pod.uid}` }));
      for (const pods of history) looks.look(...named(pods));
      last.look(...named(history.at(-1) ?? []));
      const seen = ({ register }: Looks) =>
        uids.map((uid) => {
          const { sinceMs: _, ...pod } = register.get(uid) ?? { sinceMs: 0 };
          return pod;
        });
      expect(seen(looks)).toEqual(seen(last));
    }),
  );
});

/** The status of a route, by its parents. Source of the forms: Gateway API, `RouteParentStatus`. */
import { expect, test } from 'vitest';
import { controllerName, routeParents } from '../../../src/kube/status/route-parents.ts';
import type { Problem, RouteCondition } from '../../../src/model/problem.ts';

const now = '2027-01-31T18:00:00Z';
const service = (name: string) => ({ group: '', kind: 'Service', name });
const gateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };

function problem(path: string, condition: RouteCondition): Problem {
  const where = { file: 'HTTPRoute/shop/r', line: 1 };
  const code = condition.type === 'Accepted' ? 'route-not-attached' : 'backend-unresolved';
  return { code, severity: 'error', where, path, message: 'it is so', advice: 'mend it', condition };
}

/** `name: type=status reason…` of each entry of ours. */
function said(parents: readonly unknown[]): readonly string[] {
  const entries = parents as { controllerName: string; parentRef: { name: string }; conditions: Said[] }[];
  return entries
    .filter((entry) => entry.controllerName === controllerName)
    .map(({ parentRef, conditions }) => {
      const told = conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
      return `${parentRef.name}: ${told.join(', ')}`;
    });
}
interface Said {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

const fine = 'Accepted=True Accepted, ResolvedRefs=True ResolvedRefs';

test('each parent of kind Service has an entry, and other parents are somebody else’s', () => {
  const route = { parentRefs: [service('api'), gateway, service('web')], parents: undefined, generation: 3 };
  expect(said(routeParents(route, [], now))).toEqual([`api: ${fine}`, `web: ${fine}`]);
});

test('what is wrong with one parent is said of that parent alone', () => {
  const route = { parentRefs: [service('api'), service('web')], parents: undefined, generation: 3 };
  const wrong = problem('spec.parentRefs[1].name', { type: 'Accepted', reason: 'NoMatchingParent' });
  expect(said(routeParents(route, [wrong], now))).toEqual([
    `api: ${fine}`,
    'web: Accepted=False NoMatchingParent, ResolvedRefs=True ResolvedRefs',
  ]);
});

test.each(['RefNotPermitted', 'BackendNotFound', 'InvalidKind', 'UnsupportedProtocol'] as const)(
  'a backend that is wrong by %s is said of every parent',
  (reason) => {
    const route = { parentRefs: [service('api'), service('web')], parents: undefined, generation: 3 };
    const wrong = problem('spec.rules[0].backendRefs[0]', { type: 'ResolvedRefs', reason });
    const each = `Accepted=True Accepted, ResolvedRefs=False ${reason}`;
    expect(said(routeParents(route, [wrong], now))).toEqual([`api: ${each}`, `web: ${each}`]);
  },
);

test('entries of other controllers stay, each in its place', () => {
  const others = [
    { parentRef: gateway, controllerName: 'example.com/edge', conditions: [] },
    { parentRef: service('api'), controllerName: 'example.com/mesh', conditions: [{ type: 'Accepted' }] },
  ];
  const first = routeParents({ parentRefs: [service('api')], parents: others, generation: 1 }, [], now);
  expect(first.slice(0, 2)).toEqual(others);
  const swapped = [first[2], ...others];
  const second = routeParents({ parentRefs: [service('api')], parents: swapped, generation: 1 }, [], now);
  expect(second).toEqual(swapped);
});

test('an entry of a parent that is gone is taken away, if it is ours', () => {
  const standing = routeParents({ parentRefs: [service('api')], parents: [], generation: 1 }, [], now);
  expect(routeParents({ parentRefs: [gateway], parents: standing, generation: 2 }, [], now)).toEqual([]);
});

test('the moment of a condition is kept while its status is', () => {
  const route = { parentRefs: [service('api')], parents: undefined, generation: 1 };
  const before = routeParents(route, [], now);
  const later = '2027-01-31T19:00:00Z';
  const wrong = problem('spec.rules[0].backendRefs[0]', { type: 'ResolvedRefs', reason: 'BackendNotFound' });
  const after = routeParents({ ...route, parents: before, generation: 2 }, [wrong], later);
  expect(after).toMatchObject([
    {
      parentRef: service('api'),
      conditions: [
        { type: 'Accepted', lastTransitionTime: now, observedGeneration: 2 },
        { type: 'ResolvedRefs', lastTransitionTime: later, observedGeneration: 2 },
      ],
    },
  ]);
});

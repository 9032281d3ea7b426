/** What a caller is shown while callees are not ready for it, and what a callee keeps while callers are on their way. */
import { describe, expect, test } from 'vitest';
import { doorsOf, endpointsOf, inboundListeners } from '../../src/controller/doors.ts';
import { HandoverDraft } from '../../src/controller/handover-draft.ts';
import { holdDoors } from '../../src/controller/hold-doors.ts';
import { holdWays } from '../../src/controller/hold-ways.ts';
import { referencesOf } from '../../src/controller/references.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { configuredProxy, textOf } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';

const a1 = '10.1.0.1 8080';
const a2 = '10.1.0.2 8080';
const b1 = '10.1.0.3 8080';
const b2 = '10.1.0.4 8080';

function replica(app: string, number: number, address: string, options = {}): string {
  return pod('shop', app, address, options).replace(`name: ${app}-1`, `name: ${app}-${number}`);
}

const basics = documents(tenant('shop'), pod('shop', 'web', '10.1.0.9'));
const podsOfA = documents(replica('a', 1, '10.1.0.1'), replica('a', 2, '10.1.0.2'));
const podsOfB = documents(replica('b', 1, '10.1.0.3'), replica('b', 2, '10.1.0.4'));
const pods = documents(basics, podsOfA, podsOfB);

/** @param app who stands behind it. */
function named(name: string, app: string, port = 8_080): string {
  const last = name.charCodeAt(0);
  return service('shop', name, `10.96.0.${last}`, `name: http, port: 80, targetPort: ${port}`).replace(
    `app: ${name}`,
    `app: ${app}`,
  );
}

/** Every request to `s` is answered by another. */
function routeTo(name: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: s }]
  rules: [{ backendRefs: [{ name: ${name}, port: 80 }] }]
`;
}

interface Row {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  /** Endpoints that do not let this caller in yet. */
  readonly closed: readonly string[];
  /** Workloads that do not exist any more, by endpoint. */
  readonly dead?: readonly string[];
  readonly mayHold?: false;
  /** By service that is dialled, who answers. */
  readonly wants: Readonly<Record<string, readonly string[]>>;
}

const rows: readonly Row[] = [
  {
    what: 'a new service is not there before somebody stands ready behind it',
    before: documents(pods, named('s', 'a')),
    after: documents(pods, named('s', 'a'), named('t', 'b')),
    closed: [b1, b2],
    wants: { s: [a1, a2] },
  },
  {
    what: 'one that is ready is enough, and the other is left out',
    before: documents(pods, named('s', 'a')),
    after: documents(pods, named('s', 'a'), named('t', 'b')),
    closed: [b2],
    wants: { s: [a1, a2], t: [b1] },
  },
  {
    what: 'a route stays as it was, with the service that is gone behind it',
    before: documents(pods, named('s', 'a'), named('t', 'a'), routeTo('t')),
    after: documents(pods, named('s', 'a'), named('u', 'b'), routeTo('u')),
    closed: [b1, b2],
    wants: { s: [a1, a2] },
  },
  {
    what: 'a route switches when somebody stands ready behind the new one',
    before: documents(pods, named('s', 'a'), named('t', 'a'), routeTo('t')),
    after: documents(pods, named('s', 'a'), named('u', 'b'), routeTo('u')),
    closed: [b1],
    wants: { s: [b2], u: [b2] },
  },
  {
    what: 'of a service that is gone, those that exist no more are left out at once',
    before: documents(pods, named('s', 'a'), named('t', 'a'), routeTo('t')),
    after: documents(pods, named('s', 'a'), named('u', 'b'), routeTo('u')),
    closed: [b1, b2],
    dead: [a1],
    wants: { s: [a2] },
  },
  {
    what: 'a new endpoint of a service in use is left out until it is ready',
    before: documents(basics, replica('a', 1, '10.1.0.1'), named('s', 'a')),
    after: documents(pods, named('s', 'a')),
    closed: [a2],
    wants: { s: [a1] },
  },
  {
    what: 'an endpoint that goes is gone at once where another is left',
    before: documents(pods, named('s', 'a')),
    after: documents(
      basics,
      replica('a', 1, '10.1.0.1', { ready: false }),
      replica('a', 2, '10.1.0.2'),
      replica('a', 3, '10.1.0.3'),
      named('s', 'a'),
    ),
    closed: [b1],
    wants: { s: [a2] },
  },
  {
    what: 'the last ones of a service that moves stay until the new ones are ready',
    before: documents(pods, named('s', 'a')),
    after: documents(pods, named('s', 'b')),
    closed: [b1, b2],
    wants: { s: [a1, a2] },
  },
  {
    what: 'where the last ones exist no more, the new ones are shown before they are ready',
    before: documents(pods, named('s', 'a')),
    after: documents(basics, podsOfB, named('s', 'b')),
    closed: [b1, b2],
    dead: [a1, a2],
    wants: { s: [b1, b2] },
  },
  {
    what: 'nothing is held that may not be held any longer',
    before: documents(pods, named('s', 'a'), named('t', 'a'), routeTo('t')),
    after: documents(pods, named('s', 'a'), named('u', 'b'), routeTo('u')),
    closed: [b1, b2],
    mayHold: false,
    wants: { s: [b1, b2], u: [b1, b2] },
  },
];

describe('a caller', () => {
  test.each(rows)('$what', ({ before, after, closed, dead = [], mayHold = true, wants }) => {
    const [shown, wanted] = [before, after].map((yaml) => configuredProxy(meshFrom(yaml), 'shop/web-1'));
    if (shown === undefined || wanted === undefined) return expect.fail('nothing was configured');
    const draft = holdWays(shown, wanted, {
      isOpen: (endpoint) => !closed.includes(endpoint),
      isThere: (endpoint) => !dead.includes(endpoint),
      mayHold: () => mayHold,
    });
    expect(ways(draft.finish())).toEqual(wants);
  });

  test('is given the very same values where nothing is held', () => {
    const [shown, wanted] = [documents(pods, named('s', 'a')), documents(pods, named('s', 'b'))].map((yaml) =>
      configuredProxy(meshFrom(yaml), 'shop/web-1'),
    );
    if (shown === undefined || wanted === undefined) return expect.fail('nothing was configured');
    const draft = holdWays(shown, wanted, { isOpen: () => true, isThere: () => true, mayHold: () => true });
    expect(draft.finish()).toBe(wanted);
  });
});

describe('a callee', () => {
  const before = documents(pods, named('s', 'a'), named('t', 'a', 9_090));
  const after = documents(pods, named('t', 'a', 9_090), named('u', 'a', 7_070));

  function doorsGiven(used: readonly string[], mayHold = true, [then, now] = [before, after]) {
    const [shown, wanted] = [then, now].map((yaml) => configuredProxy(meshFrom(yaml ?? ''), 'shop/a-1'));
    if (shown === undefined || wanted === undefined) return expect.fail('nothing was configured');
    const draft = new HandoverDraft(shown, wanted);
    holdDoors(shown, draft, { isUsed: (door) => used.includes(door), mayHold: () => mayHold });
    return { given: draft.finish(), shown };
  }

  test('keeps a door that callers may still come to, with all behind it, and opens a new one at once', () => {
    const { given } = doorsGiven(['8080 shop.mesh.coffre']);
    expect(doors(given)).toEqual(['7070', '8080', '9090']);
    expect(given.types.get(typeUrls.route)?.has('in/8080')).toBe(true);
    expect(given.types.get(typeUrls.cluster)?.has('app/8080')).toBe(true);
  });

  test('shuts a door that nobody comes to any more', () => {
    const { given } = doorsGiven([]);
    expect(doors(given)).toEqual(['7070', '9090']);
    expect(textOf(given)).not.toContain('8080');
  });

  test('shuts every door that may not be held', () => {
    expect(doors(doorsGiven(['8080 shop.mesh.coffre'], false).given)).toEqual(['7070', '9090']);
  });

  test('where a door is all that would change, its listener stays to the byte', () => {
    const { given, shown } = doorsGiven(['8080 shop.mesh.coffre'], true, [
      before,
      documents(pods, named('t', 'a', 9_090)),
    ]);
    expect(inboundListeners(given)).toEqual(inboundListeners(shown));
  });

  test('keeps the last door of all', () => {
    const { given } = doorsGiven(['8080 shop.mesh.coffre'], true, [documents(pods, named('s', 'a')), pods]);
    expect(doors(given)).toEqual(['8080']);
  });

  test('keeps the whole listener of a port that its sidecar binds itself', () => {
    const annotations = ['coffre.dev/capture: explicit', 'coffre.dev/application-address: 127.0.5.1'].join(', ');
    const explicit = (yaml: string) => yaml.replace('name: a-1,', `name: a-1, annotations: { ${annotations} },`);
    const { given } = doorsGiven(['8080 shop.mesh.coffre'], true, [explicit(before), explicit(after)]);
    expect(inboundListeners(given).length).toBe(3);
    expect(doors(given)).toEqual(['7070', '8080', '9090']);
  });
});

function doors(snapshot: ResourceSnapshot): readonly string[] {
  return inboundListeners(snapshot)
    .flatMap((listener) => [...doorsOf(listener).keys()].map((door) => door.slice(0, door.indexOf(' '))))
    .sort();
}

/** By service that is dialled, the endpoints that its listener and route lead to. */
function ways({ types }: ResourceSnapshot): Readonly<Record<string, readonly string[]>> {
  const named = (typeUrl: string, start: string) =>
    [...(types.get(typeUrl)?.values() ?? [])].filter(({ name }) => name.startsWith(start));
  return Object.fromEntries(
    named(typeUrls.listener, 'out/shop/').map((listener) => {
      const routes = [...referencesOf(listener)].filter((key) => key.startsWith(`${typeUrls.route} `));
      const assignments = routes
        .flatMap((key) =>
          [...(types.get(typeUrls.route)?.values() ?? [])].filter((each) => key.endsWith(` ${each.name}`)),
        )
        .flatMap((route) => [...referencesOf(route)])
        .flatMap((key) =>
          [...(types.get(typeUrls.endpoints)?.values() ?? [])].filter((each) => key.endsWith(` ${each.name}`)),
        );
      return [listener.name.split('/')[2], assignments.flatMap((each) => [...endpointsOf(each)]).sort()];
    }),
  );
}

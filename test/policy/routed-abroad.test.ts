/**
 * A route across the wall, held to an oracle that reads the objects as they were written: a backend in another namespace is
 * led to exactly where that namespace lets routes name it, and where the caller may dial it anyway. Neither opens alone.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, objectsFrom } from '../fixtures/mesh-from.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';

const tenants = ['atelier', 'notaire', 'banque'] as const;
const services = ['web', 'api'] as const;
const port = 'name: http, port: 80, targetPort: 8080';

const world = documents(
  ...tenants.flatMap((name, byte) => [
    tenant(name),
    ...services.flatMap((each, index) => [
      pod(name, each, `10.${byte}.0.${index + 1}`),
      service(name, each, `10.96.${byte}.${index + 1}`, port),
    ]),
  ]),
);

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** Both kinds of consent: of `to`, to those of `from`. */
interface Consent {
  readonly from: string;
  readonly to: string;
  /** Absent: to every service; a `Grant` is always to one. */
  readonly name?: string;
}

interface Case {
  /** Of the service `api` of each namespace. */
  readonly backends: ReadonlyMap<string, readonly Place[]>;
  readonly references: readonly Consent[];
  readonly grants: readonly Required<Consent>[];
}

const place = fc.record({ namespace: fc.constantFrom(...tenants), name: fc.constantFrom(...services) });
const reference = fc
  .tuple(fc.constantFrom(...tenants), fc.constantFrom(...tenants), fc.constantFrom(undefined, ...services))
  .map(([from, to, name]) => ({ from, to, ...(name === undefined ? {} : { name }) }));
const grant = fc.record({
  from: fc.constantFrom(...tenants),
  to: fc.constantFrom(...tenants),
  name: fc.constantFrom(...services),
});
const cases: fc.Arbitrary<Case> = fc.record({
  backends: fc
    .array(fc.tuple(fc.constantFrom(...tenants), fc.array(place, { minLength: 1, maxLength: 3 })))
    .map((entries) => new Map(entries)),
  references: fc.array(reference, { maxLength: 4 }),
  grants: fc.array(grant, { maxLength: 6 }),
});

function written({ backends, references, grants }: Case): string {
  const routes = [...backends].map(([namespace, refs]) => {
    const named = refs.map((ref) => `{ name: ${ref.name}, namespace: ${ref.namespace}, port: 80 }`).join();
    return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: ${namespace} }
spec: { parentRefs: [{ group: "", kind: Service, name: api }], rules: [{ backendRefs: [${named}] }] }
`;
  });
  const naming = references.map(
    ({ from, to, name }, index) => `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: n${index}, namespace: ${to} }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ${from} }]
  to: [{ group: "", kind: Service${name === undefined ? '' : `, name: ${name}`} }]
`,
  );
  const calling = grants.map(
    ({ from, to, name }, index) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g${index}, namespace: ${to} }
spec: { from: { tenant: ${from} }, to: { service: ${name} }, reason: they asked }
`,
  );
  return documents(world, ...routes, ...naming, ...calling);
}

/** What the words of the two consents come to: read here from the case, and nowhere from the snapshot. */
function judged({ references, grants }: Case, owner: string, caller: string, { namespace, name }: Place) {
  const isNamed =
    namespace === owner ||
    references.some((each) => each.from === owner && each.to === namespace && (each.name ?? name) === name);
  const isGranted =
    namespace === caller || grants.some((each) => each.from === caller && each.to === namespace && each.name === name);
  return { isNamed, isGranted };
}

test(
  'a backend abroad is led to where it may be named and called, and nowhere else',
  () => {
    const seen = { led: 0, unnamed: 0, ungranted: 0 };
    const property = fc.property(cases, (each) => {
      const snapshot = buildSnapshot(objectsFrom(written(each)));
      for (const workload of snapshot.workloads.values()) {
        const { outbound } = viewOf(snapshot, workload, 0);
        for (const parent of outbound.filter(({ service: key }) => key.endsWith('/api'))) {
          const places = each.backends.get(parent.tenant) ?? [];
          const wanted = places.filter((ref) => {
            const { isNamed, isGranted } = judged(each, parent.tenant, workload.tenant, ref);
            if (ref.namespace !== parent.tenant && isNamed && isGranted) seen.led += 1;
            if (!isNamed && isGranted) seen.unnamed += 1;
            if (isNamed && !isGranted) seen.ungranted += 1;
            return isNamed && isGranted;
          });
          const led = parent.rules.flatMap(({ shares }) => shares.flatMap(({ to }) => to?.service ?? []));
          expect(led).toEqual([...new Set(wanted.map((ref) => `${ref.namespace}/${ref.name}`))].sort());
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
    // Each of the three was met, so that none holds for want of a case.
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(0);
  },
  randomTestMs,
);

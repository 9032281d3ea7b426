/** What holds for every mesh: no order matters, no formatting matters, nothing throws, and tenants do not touch. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { kinds } from '../../src/model/kinds/catalogue.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { readObject } from '../../src/model/read-object.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { SourcedObject } from '../../src/model/sourced-object.ts';
import { completeObjects } from './complete-objects.ts';
import { grant, mesh, pod, policy, service, tenant } from './written.ts';

/** A bound on a loaded machine, in ms; alone each takes a few seconds at most. */
const options = { timeout: 60_000 };

const nowMs = Date.parse('2026-11-01T00:00:00Z');
const names = fc.constantFrom('a', 'b', 'c');
/** So few that they collide, as nothing else finds a fault in who owns an address. */
const addresses = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
const namespaces = ['shop', 'billing', 'bank'];

function writtenIn(namespace: string): fc.Arbitrary<string> {
  const others = fc.constantFrom(...namespaces);
  return fc.oneof(
    fc.tuple(names, addresses).map(([name, address]) => pod(namespace, name, address)),
    fc
      .tuple(names, addresses, names, fc.constantFrom('http', 'tcp'))
      .map(([name, address, app, protocol]) => service(namespace, name, address, { app }, protocol)),
    fc.tuple(names, names, addresses).map(
      ([name, of, address]) => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, namespace: ${namespace}, labels: {kubernetes.io/service-name: ${of}}}
addressType: IPv4
endpoints: [{addresses: [${address}]}]
ports: [{name: '', port: 8080}]
`,
    ),
    fc.tuple(names, others, names).map(([name, from, to]) => grant(namespace, name, from, to)),
    fc.tuple(names, names).map(
      ([name, of]) => `apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec: {service: ${of}, retries: {attempts: 1}}
`,
    ),
    fc.tuple(names, names, others, names).map(
      ([name, of, where, to]) => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  parentRefs: [{group: '', kind: Service, name: ${of}}]
  rules: [{backendRefs: [{name: ${to}, namespace: ${where}, port: 80}]}]
`,
    ),
    fc.tuple(names, names, others).map(
      ([name, of, caller]) => `apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  hypothesis: nothing happens
  target: {service: ${of}, port: 80}
  method: {openBreaker: {}}
  blastRadius: {callers: [{tenant: ${caller}}], percent: 50}
  steadyState: [{name: p, source: {traffic: {metric: successRate}}, tolerance: {atLeast: 1}}]
  abortOn: [{probe: p}]
  duration: 1m
`,
    ),
    fc.tuple(names, names, others, others).map(
      ([name, of, caller, target]) => `apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  asTarget: {services: [${of}], callerTenants: [${caller}], methods: [abort], maxDuration: 1m, maxPercent: 50}
  asCaller: {targetTenants: [${target}], methods: [delay, abort], maxDuration: 1m, maxPercent: 50}
`,
    ),
    fc
      .tuple(names, others, fc.constantFrom('allow', 'deny', 'alow'))
      .map(([name, from, verb]) => policy(namespace, name, `${verb}: [{from: {tenants: [${from}]}}]`)),
  );
}

const platform = [mesh(), ...namespaces.map((name) => tenant(name))];

function objectsOf(texts: readonly string[]): SourcedObject[] {
  return texts.flatMap((text, index) => parseDocument(text, `${index}.yaml`).objects);
}

/** Everything but where it was written, and so in which order problems are told. */
function meaningOf(snapshot: Snapshot): unknown {
  const text = JSON.stringify(snapshot, (key, value) => {
    if (key === 'where') return undefined;
    if (key === 'problems')
      return value
        .map(({ code, path, object }: Snapshot['problems'][number]) => `${code} ${path} ${JSON.stringify(object)}`)
        .sort();
    if (value instanceof Map) return [...value];
    return value instanceof Set ? [...value] : value;
  });
  return JSON.parse(text);
}

const meshes = fc.array(fc.oneof(...namespaces.map(writtenIn)), { maxLength: 14 });

test('the order of the objects means nothing', options, () => {
  fc.assert(
    fc.property(
      meshes.chain((texts) => fc.tuple(fc.constant(texts), fc.shuffledSubarray(texts, { minLength: texts.length }))),
      ([texts, shuffled]) => {
        expect(meaningOf(buildSnapshot(objectsOf([...shuffled, ...platform]), nowMs))).toEqual(
          meaningOf(buildSnapshot(objectsOf([...platform, ...texts]), nowMs)),
        );
      },
    ),
  );
});

test('the formatting of the objects means nothing', options, () => {
  const formats = fc.record({ flow: fc.boolean(), indent: fc.constantFrom(2, 4), quotes: fc.boolean() });
  fc.assert(
    fc.property(meshes, formats, (texts, { flow, indent, quotes }) => {
      const reformatted = texts.map((text) => {
        const [document] = parseAllDocuments(text);
        const values = document !== undefined && 'toJS' in document ? document.toJS() : undefined;
        if (flow) return JSON.stringify(values, undefined, indent);
        return document === undefined
          ? ''
          : `# said otherwise\n\n${String(document.toString({ indent, defaultStringType: quotes ? 'QUOTE_DOUBLE' : 'PLAIN' } as object))}`;
      });
      expect(meaningOf(buildSnapshot(objectsOf([...platform, ...reformatted]), nowMs))).toEqual(
        meaningOf(buildSnapshot(objectsOf([...platform, ...texts]), nowMs)),
      );
    }),
  );
});

test(
  'whatever one namespace writes, the workloads, services, policies, routes and drills of the others stay as they are',
  options,
  () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(writtenIn('billing'), writtenIn('bank')), { maxLength: 10 }),
        fc.array(writtenIn('shop'), { minLength: 1, maxLength: 10 }),
        (others, shop) => {
          const before = buildSnapshot(objectsOf([...platform, ...others]), nowMs);
          const after = buildSnapshot(objectsOf([...platform, ...others, ...shop]), nowMs);
          for (const map of [
            'workloads',
            'services',
            'policies',
            'trafficPolicies',
            'httpRoutes',
            'drills',
            'drillConsents',
          ] as const) {
            expect([...after[map]].filter(([key]) => !key.startsWith('shop/'))).toEqual([...before[map]]);
          }
        },
      ),
      { numRuns: 300 },
    );
  },
);

test('no proxy meets one address twice: what a tenant has and what it is granted never share one', options, () => {
  // One service a tenant and many grants, so that addresses meet across the wall far more often than inside it.
  const services = fc
    .tuple(addresses, addresses, addresses)
    .map((claimed) => claimed.map((address, index) => service(namespaces[index] ?? '', 'a', address, { app: 'a' })));
  const between = fc.tuple(fc.constantFrom(...namespaces), fc.constantFrom(...namespaces));
  const grants = fc
    .uniqueArray(between, { minLength: 2, maxLength: 6, selector: String })
    .map((pairs) => pairs.map(([to, from]) => grant(to, from, from, 'a')));
  let refused = 0;
  let granted = 0;
  fc.assert(
    fc.property(services, grants, (written, consents) => {
      const snapshot = buildSnapshot(objectsOf([...platform, ...written, ...consents]), nowMs);
      for (const caller of namespaces) {
        const reached = [...snapshot.grants.values()].filter(({ from }) => from.tenant === caller);
        const claims = [`${caller}/a`, ...reached.map(({ to }) => to.service)].flatMap(
          (key) => snapshot.services.get(key)?.virtualIps ?? [],
        );
        expect(new Set(claims).size).toBe(claims.length);
      }
      granted += snapshot.grants.size;
      refused += snapshot.problems.filter(({ code }) => code === 'address-conflict').length;
    }),
    { numRuns: 300 },
  );
  expect(Math.min(granted, refused)).toBeGreaterThan(0);
});

test('no JSON throws, and what is refused says why', options, () => {
  const anyKind = fc.constantFrom(...Object.keys(kinds));
  const versions = fc.constantFrom('v1', 'coffre.dev/v1alpha1', 'discovery.k8s.io/v1', 'apps/v1', '');
  const metadata = fc.record({ name: fc.oneof(names, fc.jsonValue()), namespace: fc.oneof(names, fc.jsonValue()) });
  const almost = fc.record(
    { apiVersion: versions, kind: anyKind, metadata, spec: fc.jsonValue(), status: fc.jsonValue() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(almost, fc.jsonValue()), { maxLength: 8 }), (raws) => {
      const outcomes = raws.map((raw) => readObject(raw, { file: 'f', line: 1 }));
      for (const outcome of outcomes) {
        const isValid = outcome.kind === 'object' && outcome.object.kind === 'valid';
        expect(outcome.problems.length > 0).toBe(!isValid);
      }
      const objects = outcomes.flatMap((outcome) => (outcome.kind === 'object' ? [outcome.object] : []));
      expect(() => buildSnapshot([...objectsOf(platform), ...objects], nowMs)).not.toThrow();
    }),
    { numRuns: 500 },
  );
});

test('no text throws, cut or changed wherever it may be', options, () => {
  const whole = Object.values(completeObjects).join('---\n');
  fc.assert(
    fc.property(
      fc.nat(whole.length),
      fc.nat(whole.length),
      fc.string({ maxLength: 6, unit: 'binary' }),
      (from, to, put) => {
        const parsed = parseDocument(`${whole.slice(0, from)}${put}${whole.slice(to)}`, 'f.yaml');
        expect(() => buildSnapshot(parsed.objects, nowMs)).not.toThrow();
      },
    ),
    { numRuns: 300 },
  );
});

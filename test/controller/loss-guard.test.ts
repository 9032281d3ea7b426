/** What a sudden loss takes out of force at once, and what it does not. */
import { beforeEach, expect, test } from 'vitest';
import { LossGuard, lossCountMin } from '../../src/controller/loss-guard.ts';
import { formatProblem } from '../../src/model/format-problem.ts';
import { documents, objectsFrom } from '../fixtures/mesh-from.ts';
import { pod, tenant, twoTenants } from '../fixtures/two-tenants.ts';

function policy(name: string, spec: string, namespace = 'atelier'): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
}

function grant(name: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ${name}, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: reads }
`;
}

const deny = '{ deny: [{ to: { paths: ["/admin"] } }] }';
const many = (write: (name: string) => string, count = lossCountMin) =>
  documents(...Array.from({ length: count }, (_, index) => write(`x${index}`)));
const denies = many((name) => policy(name, deny));

let guard: LossGuard;
beforeEach(() => {
  guard = new LossGuard();
});

/** `Kind name` of what is in force. */
function take(yaml: string): readonly string[] {
  return guard.take(objectsFrom(yaml)).map(({ ref }) => `${ref.kind} ${ref.name}`);
}

const held = () => guard.problems().map(({ code }) => code);
/** As the problem spells it. */
const loss = () => /confirm-loss (\w+)/.exec(guard.problems()[0]?.advice ?? '')?.[1] ?? '';

test('the first look is believed, whatever it holds', () => {
  expect(take(twoTenants)).toHaveLength(13);
  expect(held()).toEqual([]);
});

test('a folder that was unmounted leaves everything in force, and is told with what to do', () => {
  const before = take(documents(twoTenants, denies));
  expect(
    guard
      .take([])
      .map(({ ref }) => `${ref.kind} ${ref.name}`)
      .sort(),
  ).toEqual([...before].sort());
  const [problem] = guard.problems();
  expect(problem).toMatchObject({ code: 'loss-held', severity: 'error' });
  expect(problem && formatProblem(problem)).toMatch(
    /23 objects are gone .*10 AccessPolicy.*`coffre confirm-loss \w{8}`/,
  );
});

test('seeing the same loss again confirms nothing', () => {
  take(documents(twoTenants, denies));
  for (let look = 0; look < 5; look += 1) expect(take(twoTenants)).toHaveLength(13 + lossCountMin);
});

test('what is confirmed by its name is gone, and no other loss is', () => {
  take(documents(twoTenants, denies));
  take(twoTenants);
  expect(guard.confirm('00000000')).toMatchObject({ kind: 'unknown', message: expect.stringContaining(loss()) });
  expect(guard.confirm(loss())).toEqual({ kind: 'confirmed', objects: lossCountMin });
  expect(take(twoTenants)).toHaveLength(13);
  expect(held()).toEqual([]);
  expect(guard.confirm('00000000')).toMatchObject({ kind: 'unknown', message: 'no loss is held' });
});

test('a loss that grew before it was confirmed is another loss', () => {
  const pods = many((name) => pod('notaire', name, `10.9.0.${name.slice(1)}`), 20);
  take(documents(twoTenants, denies, pods));
  take(documents(twoTenants, pods));
  const first = loss();
  take(twoTenants);
  expect(guard.confirm(first)).toMatchObject({ kind: 'unknown' });
  expect(guard.confirm(loss())).toEqual({ kind: 'confirmed', objects: 30 });
});

test('what comes back is as it is now, and nothing of it is held any more', () => {
  take(documents(twoTenants, denies));
  take(twoTenants);
  expect(take(documents(twoTenants, denies))).toHaveLength(13 + lossCountMin);
  expect(held()).toEqual([]);
});

test('fewer than are ever held go at once, and so does a small share of many', () => {
  const few = many((name) => policy(name, deny), lossCountMin - 1);
  take(documents(twoTenants, few));
  expect(take(twoTenants)).toHaveLength(13);
  const pods = (count: number) => many((name) => pod('notaire', name, `10.9.0.${name.slice(1)}`), count);
  take(documents(twoTenants, pods(60)));
  expect(take(documents(twoTenants, pods(45)))).toHaveLength(13 + 45);
});

test('all policies gone is a sudden loss among any number of pods', () => {
  const pods = many((name) => pod('notaire', name, `10.9.0.${name.slice(1)}`), 100);
  take(documents(twoTenants, pods, denies));
  expect(take(documents(twoTenants, pods))).toHaveLength(13 + 100 + lossCountMin);
});

test('a loss that comes with many more under other names is a loss all the same', () => {
  take(documents(twoTenants, denies));
  const others = many((name) => policy(`other-${name}`, deny), 10 * lossCountMin);
  take(documents(twoTenants, others));
  expect(held()).toEqual(['loss-held']);
  expect(guard.problems()[0]?.message).toContain(`${lossCountMin} AccessPolicy`);
});

test('no withdrawal of a grant waits, be it one of many that are lost', () => {
  take(documents(twoTenants, denies, many(grant)));
  const inForce = take(twoTenants);
  expect(inForce.filter((name) => name.startsWith('Grant'))).toEqual([]);
  expect(inForce.filter((name) => name.startsWith('AccessPolicy'))).toHaveLength(lossCountMin);
});

const allow = '{ allow: [{ from: { serviceAccounts: [web] } }] }';
const allows = many((name) => policy(name, allow));

test.each([
  { what: 'a policy that only allows is held where the default would come back', before: twoTenants, stays: true },
  {
    what: 'it is not where nobody is allowed by default',
    before: twoTenants.replace(tenant('atelier'), tenant('atelier', 'environment: prod, defaultAccess: none')),
    stays: false,
  },
  {
    what: 'nor where another policy keeps the default away',
    before: documents(twoTenants, policy('other', allow)),
    stays: false,
  },
  {
    what: 'another policy for one port keeps it from that port only',
    before: documents(twoTenants, policy('other', '{ allow: [{ to: { ports: [8080] } }] }')),
    stays: true,
  },
])('$what', ({ before, stays }) => {
  const left = take(before).length;
  take(documents(before, allows));
  expect(take(before)).toHaveLength(stays ? left + lossCountMin : left);
});

test('what comes with a loss is in force at once: a new deny waits for nothing', () => {
  take(documents(twoTenants, denies));
  expect(take(documents(twoTenants, policy('new', deny)))).toContain('AccessPolicy new');
});

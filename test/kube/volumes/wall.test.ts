/**
 * The door of the wall beside a naive oracle, which walks every volume there is, compares directories step by step, and
 * knows nothing of trails and indexes.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeVolumeReview } from '../../../src/kube/volumes/judge-volume-review.ts';
import { indexVolumes } from '../../../src/kube/volumes/volume-index.ts';
import { volumeRules } from '../../../src/kube/volumes/volume-webhook.ts';
import { claim, content, csi, nfs, volume } from './storage.ts';
import { consentsOf, grant } from './worlds.ts';

interface Drawn {
  readonly server: string;
  readonly path: string;
  readonly claim: string;
}

const namespaces = ['shop', 'billing', 'system', 'other'];
const claims = [...namespaces.flatMap((namespace) => [`${namespace}/a`, `${namespace}/b`]), ''];
const step = fc.constantFrom('a', 'b', '..', '.', '');
const drawnVolume: fc.Arbitrary<Drawn> = fc.record({
  server: fc.constantFrom('files', 'FILES.', 'other'),
  path: fc.array(step, { maxLength: 5 }).map((steps) => `/${steps.join('/')}`),
  claim: fc.constantFrom(...claims),
});
const drawnGrant = fc.record({
  owner: fc.constantFrom('shop', 'billing'),
  to: fc.constantFrom('shop', 'billing'),
  claim: fc.constantFrom('a', 'b'),
  notAfterMs: fc.constantFrom(undefined, -1, 0, 1),
});

const own = new Set(['shop', 'billing', 'vault']);
const namespaceOf = (key: string) => key.split('/')[0] ?? '';

function walk({ path }: Drawn): readonly string[] {
  let at: readonly string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') at = at.slice(0, -1);
    else if (name !== '' && name !== '.') at = [...at, name];
  }
  return at;
}

function isSameServer(left: Drawn, right: Drawn): boolean {
  const [one, two] = [left, right].map(({ server }) => server.toLowerCase().replace('.', ''));
  return one === two;
}

/** Whether the inner directory is the outer one, or below it. */
function holds(outer: Drawn, inner: Drawn): boolean {
  const below = walk(inner);
  return isSameServer(outer, inner) && walk(outer).every((name, index) => below[index] === name);
}

function touches(left: Drawn, right: Drawn): boolean {
  return holds(left, right) || holds(right, left);
}

const run = { seed: Number(process.env['COFFRE_SEED']), numRuns: 1_000 };

test('a volume is refused exactly where the oracle finds another’s data that nobody granted', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(drawnVolume, { maxLength: 6 }),
      drawnVolume,
      fc.array(drawnGrant, { maxLength: 4 }),
      (standing, written, grants) => {
        const objects = standing.map((each, index) => volume(`v${index}`, each.claim, nfs(each.server, each.path)));
        const index = indexVolumes({ volumes: objects, claims: [], snapshots: [], contents: [] });
        const consents = consentsOf(...grants.map((each) => grant(each.owner, each.to, each.claim, each.notAfterMs)));
        const inForce = [...consents.volumeGrants.values()].filter(
          ({ notAfterMs }) => notAfterMs === undefined || notAfterMs > 0,
        );
        const by = namespaceOf(written.claim);
        const isHeld = standing.some(
          (each) => each.claim !== '' && namespaceOf(each.claim) === by && holds(each, written),
        );
        const wanted =
          !isHeld &&
          standing.some(
            (each) =>
              each.claim !== '' &&
              touches(each, written) &&
              namespaceOf(each.claim) !== by &&
              (own.has(namespaceOf(each.claim)) || own.has(by)) &&
              !inForce.some(
                ({ tenant, from, claim: name }) => `${tenant}/${name}` === each.claim && from.tenant === by,
              ),
          );
        const verdict = judge(volume('new', written.claim, nfs(written.server, written.path)), { index, consents });
        refused += wanted ? 1 : 0;
        expect(verdict.kind).toBe(wanted ? 'refused' : 'allowed');
      },
    ),
    run,
  );
  expect(refused).toBeGreaterThan(run.numRuns / 20);
  expect(refused).toBeLessThan((run.numRuns * 19) / 20);
});

type Knowledge = Parameters<typeof judgeVolumeReview>[1];

function judge(object: { readonly kind: string }, knowledge: Knowledge, oldObject?: object, username = 'somebody') {
  const operation = oldObject === undefined ? 'CREATE' : 'UPDATE';
  return judgeVolumeReview(
    { operation, kind: { kind: object.kind }, userInfo: { username }, object, oldObject },
    knowledge,
  );
}

describe('an update answers for what it adds', () => {
  const mine = volume('mine', 'shop/a', csi('vol-1'));
  const theirs = volume('theirs', 'billing/a', csi('vol-1'));
  const index = indexVolumes({ volumes: [mine, theirs], claims: [], snapshots: [], contents: [] });
  const knowledge = { index, consents: consentsOf() };

  test('what reached across the wall before may be changed otherwise', () => {
    const grown = volume('theirs', 'billing/a', csi('vol-1'), { capacity: { storage: '2Gi' } });
    expect(judge(theirs, knowledge).kind).toBe('refused');
    expect(judge(grown, knowledge, theirs).kind).toBe('allowed');
  });

  test('a volume keeps its owner when its claim is taken away, but for what the binder has scrubbed', () => {
    const free = volume('alone', '', csi('vol-2'));
    const former = volume('alone', 'shop/a', csi('vol-2'));
    expect(judge(free, knowledge, former).kind).toBe('refused');
    const binder = 'system:serviceaccount:kube-system:persistent-volume-binder';
    expect(judge(free, knowledge, former, binder).kind).toBe('allowed');
    expect(judge(volume('alone', 'billing/a', csi('vol-2')), knowledge, former, binder).kind).toBe('refused');
  });
});

test('what cannot be read is refused, and what is deleted is not asked about', () => {
  const index = indexVolumes({ volumes: ['no volume', null, { spec: {} }], claims: [], snapshots: [], contents: [] });
  const knowledge = { index, consents: consentsOf() };
  const broken = { ...claim('shop/a', {}), spec: 'nothing' };
  expect(judge(broken, knowledge)).toMatchObject({ kind: 'refused', problems: [{ code: 'volume-unknown' }] });
  expect(judge({ kind: 'Secret' }, knowledge).kind).toBe('refused');
  expect(judge(claim('shop/a', {}), knowledge, {}).kind).toBe('refused');
  const kind = { kind: 'PersistentVolumeClaim' };
  const deletion = { operation: 'DELETE', kind, userInfo: { username: 'somebody' }, oldObject: {} } as const;
  expect(judgeVolumeReview(deletion, knowledge).kind).toBe('allowed');
});

describe('an owner who granted is not shut out', () => {
  const shared = [volume('ledger', 'shop/ledger', csi('vol-1')), volume('copy', 'billing/copy', csi('vol-1'))];
  const index = indexVolumes({ volumes: shared, claims: [], snapshots: [], contents: [] });
  const knowledge = { index, consents: consentsOf(grant('shop', 'billing', 'ledger')) };

  test('of a second volume on the same storage', () => {
    expect(judge(volume('again', 'shop/again', csi('vol-1')), knowledge).kind).toBe('allowed');
    expect(judge(volume('again', 'system/again', csi('vol-1')), knowledge).kind).toBe('refused');
  });

  test('of a snapshot of it', () => {
    expect(judge(content('made', 'shop/monday', { volumeHandle: 'vol-1' }), knowledge).kind).toBe('allowed');
    expect(judge(content('made', 'system/monday', { volumeHandle: 'vol-1' }), knowledge).kind).toBe('refused');
  });
});

test('the wall needs to read, and to write nothing', () => {
  expect(new Set(volumeRules.flatMap(({ verbs }) => verbs))).toEqual(new Set(['list', 'watch']));
});

test('of ten thousand volumes on one server only those on the way are looked at', () => {
  const volumes = Array.from({ length: 10_000 }, (_, index) =>
    volume(`v${index}`, 'shop/a', nfs('files', `/exports/${index}/data`)),
  );
  const index = indexVolumes({ volumes, claims: [], snapshots: [], contents: [] });
  expect(
    index.overlapping(volume('new', 'billing/a', nfs('files', '/exports/77'))).map(({ metadata }) => metadata.name),
  ).toEqual(['v77']);
});

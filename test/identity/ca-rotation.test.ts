/** The machine of a rotation: a table of steps, and a random mesh of slow proxies in which nobody ever refuses anybody. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  abortRestMs,
  advanced,
  anchorsOf,
  begun,
  type CaRotation,
  issuerOf,
  type RotationStep,
  reversed,
  type TenantCa,
} from '../../src/identity/ca-rotation.ts';

const rotation = (step: RotationStep, aborted = false): CaRotation<string> =>
  aborted
    ? { kind: 'rotating', from: 'new', to: 'old', step, sinceMs: 5, aborted }
    : { kind: 'rotating', from: 'old', to: 'new', step, sinceMs: 5, aborted };

interface Row {
  readonly at: TenantCa<string>;
  readonly anchors: readonly string[];
  readonly issuer: string;
  readonly next?: TenantCa<string>;
  readonly back?: CaRotation<string>;
}

const both = ['new', 'old'];
const at9 = { sinceMs: 9 };
const table: readonly [string, Row][] = [
  ['at rest', { at: { kind: 'resting', issuer: 'old' }, anchors: ['old'], issuer: 'old' }],
  [
    'trusted',
    {
      at: rotation('trusted'),
      anchors: both,
      issuer: 'old',
      next: { ...rotation('used'), ...at9 },
      back: { ...rotation('dropped', true), ...at9 },
    },
  ],
  [
    'used',
    {
      at: rotation('used'),
      anchors: both,
      issuer: 'new',
      next: { ...rotation('dropped'), ...at9 },
      back: { ...rotation('used', true), ...at9 },
    },
  ],
  [
    'dropped',
    {
      at: rotation('dropped'),
      anchors: ['new'],
      issuer: 'new',
      next: { kind: 'resting', issuer: 'new' },
      back: { ...rotation('trusted', true), ...at9 },
    },
  ],
  [
    'aborted, almost back',
    {
      at: rotation('dropped', true),
      anchors: ['old'],
      issuer: 'old',
      next: { kind: 'resting', issuer: 'old', heldUntilMs: 9 + abortRestMs },
      back: { ...rotation('trusted'), ...at9 },
    },
  ],
];

test.each(table)('%s, it trusts, signs, goes on and goes back as the table says', (_name, row) => {
  const { at, anchors, issuer, next, back } = row;
  expect({ anchors: [...anchorsOf(at)].sort(), issuer: issuerOf(at) }).toEqual({ anchors, issuer });
  if (at.kind === 'resting') return;
  expect(advanced(at, 9)).toEqual(next);
  expect(reversed(at, 9)).toEqual(back);
});

test('a rotation begins with both trusted and the old one signing', () => {
  expect(begun({ kind: 'resting', issuer: 'old' }, 'new', 5)).toEqual(rotation('trusted'));
});

test.each(['trusted', 'used', 'dropped'] as const)('turned back twice at %s, it is where it was', (step) => {
  expect(reversed(reversed(rotation(step), 5), 5)).toEqual(rotation(step));
});

/** What one proxy has accepted: a leaf by one CA, and the CAs that it believes. */
interface Accepted {
  readonly leafBy: string;
  readonly trusts: readonly string[];
}

type Move =
  | { readonly kind: 'accept'; readonly proxy: number }
  | { readonly kind: 'advance' }
  | { readonly kind: 'begin' }
  | { readonly kind: 'reverse' };

const proxies = 4;
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('accept'), proxy: fc.nat(proxies - 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('begin') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reverse') }) },
);

/**
 * @param behind whether a step waits for the proxies: the negative of this test goes on without them.
 * @returns the first pair of which one would refuse the other, and how often a whole rotation was ended.
 */
function play(moves: readonly Move[], behind: 'proxies' | 'nobody'): { refusal?: string; ended: number } {
  let made = 0;
  let ended = 0;
  let ca: TenantCa<string> = { kind: 'resting', issuer: 'ca 0' };
  const said = (): Accepted => ({ leafBy: issuerOf(ca), trusts: anchorsOf(ca) });
  const held: Accepted[] = Array.from({ length: proxies }, said);
  for (const each of moves) {
    if (each.kind === 'accept') held[each.proxy] = said();
    if (each.kind === 'begin' && ca.kind === 'resting') {
      made += 1;
      ca = begun(ca, `ca ${made}`, 0);
    }
    if (each.kind === 'reverse' && ca.kind === 'rotating') ca = reversed(ca, 0);
    const now = JSON.stringify(said());
    const accepted = held.every((proxy) => JSON.stringify(proxy) === now);
    if (each.kind === 'advance' && ca.kind === 'rotating' && (accepted || behind === 'nobody')) {
      ca = advanced(ca, 0);
      if (ca.kind === 'resting') ended += 1;
    }
    for (const caller of held) {
      const refusing = held.find(({ trusts }) => !trusts.includes(caller.leafBy));
      if (refusing !== undefined) return { refusal: `${caller.leafBy} before [${refusing.trusts.join()}]`, ended };
    }
  }
  return { ended };
}

test('however slowly proxies accept and however often it is turned round, no proxy refuses another', () => {
  let ended = 0;
  fc.assert(
    fc.property(fc.array(move, { minLength: 50, maxLength: 400 }), (moves) => {
      const outcome = play(moves, 'proxies');
      ended += outcome.ended;
      expect(outcome.refusal).toBeUndefined();
    }),
    { numRuns: 300 },
  );
  expect(ended).toBeGreaterThan(0);
});

test('a step that waits for nobody is found out by the same play', () => {
  const hasty: readonly Move[] = [
    { kind: 'begin' },
    { kind: 'advance' },
    { kind: 'accept', proxy: 0 },
    { kind: 'accept', proxy: 1 },
  ];
  expect(play(hasty, 'nobody').refusal).toBe('ca 1 before [ca 0]');
  expect(play(hasty, 'proxies').refusal).toBeUndefined();
});

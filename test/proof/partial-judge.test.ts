/** A record is less than its request: what is said of it must be true of every request that it may be a record of. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import type { PortPolicy } from '../../src/policy/port-policy.ts';
import { PartialJudge, type PartialVerdict } from '../../src/proof/partial-judge.ts';
import { verdictChange } from '../../src/proof/verdict-change.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { requestOf } from '../policy/language/asked-request.ts';
import {
  type Asked,
  type Drawn,
  policyIn,
  randomPolicies,
  randomRequest,
  spiffeId,
  viewDrawn,
} from '../policy/language/drawn.ts';

const nowMs = Date.UTC(2026, 10, 22);
/** What has no host that could be compared is refused for its form, and never put to a rule again. */
const comparable = randomRequest.filter(({ host }) => host !== undefined);

const judged = (policy: PortPolicy, asked: Asked) => decide(policy, requestOf(asked), nowMs).kind;

interface Kept {
  readonly host: boolean;
  readonly request: boolean;
}
const everything: Kept = { host: true, request: true };

/** What of the request a record kept. */
function recordOf({ tenant, account, method, path, host, token }: Asked, kept: Kept, reason?: string) {
  const http = { method, path, ...(kept.host && host !== undefined ? { host } : {}) };
  return {
    caller: spiffeId(tenant, account),
    ...(kept.request ? { request: http } : {}),
    ...(reason === 'token-missing' && token.kind === 'none' ? { hadNoToken: true as const } : {}),
  };
}

function partially(policy: PortPolicy, asked: Asked, kept: Kept = everything): PartialVerdict {
  const decision = decide(policy, requestOf(asked), nowMs);
  const reason = decision.kind === 'deny' ? decision.reason.kind : undefined;
  return new PartialJudge(policy, kept.request ? 'request' : 'connection').judge(recordOf(asked, kept, reason), nowMs);
}

test('what is said for certain of a record is what is decided of the request behind it', {
  timeout: randomTestMs,
}, () => {
  const seen = { allow: 0, deny: 0, unknown: 0 };
  const kept = fc.constantFrom<Kept>(everything, everything, { host: false, request: true });
  fc.assert(
    fc.property(
      randomPolicies,
      fc.array(fc.tuple(comparable, kept), { minLength: 20, maxLength: 20 }),
      (drawn, asks) => {
        const policy = policyIn(viewDrawn(drawn));
        for (const [asked, how] of asks) {
          const { kind } = partially(policy, asked, how);
          seen[kind] += 1;
          if (kind !== 'unknown') expect(kind, JSON.stringify(asked)).toBe(judged(policy, asked));
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(Math.min(seen.allow, seen.deny, seen.unknown)).toBeGreaterThan(200);
});

test('a connection is let in for certain only where each of its requests is, but for those of a bad form', {
  timeout: randomTestMs,
}, () => {
  const seen = { allow: 0, deny: 0, unknown: 0 };
  const isPlain = ({ path }: Asked) => /^[/a-z0-9]*$/i.test(path);
  fc.assert(
    fc.property(
      randomPolicies,
      fc.array(comparable.filter(isPlain), { minLength: 10, maxLength: 10 }),
      (drawn, asks) => {
        const policy = policyIn(viewDrawn(drawn));
        for (const asked of asks) {
          const { kind } = partially(policy, asked, { host: false, request: false });
          seen[kind] += 1;
          if (kind !== 'unknown') expect(kind, JSON.stringify(asked)).toBe(judged(policy, asked));
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(Math.min(seen.deny, seen.unknown)).toBeGreaterThan(100);
  expect(seen.allow).toBeGreaterThan(0);
});

/** One policy comes, goes, or takes the place of another. */
const randomChange: fc.Arbitrary<readonly [Drawn, Drawn]> = fc
  .tuple(randomPolicies, randomPolicies, fc.constantFrom('added', 'dropped', 'replaced'))
  .map(([drawn, other, how]) => {
    const [first = [], ...rest] = [drawn.policies.slice(0, 1), ...drawn.policies.slice(1).map((each) => [each])];
    const others = other.policies.slice(0, 1);
    const policies = how === 'added' ? [first, ...rest, others] : how === 'dropped' ? rest : [others, ...rest];
    return [drawn, { ...drawn, policies: policies.flat() }] as const;
  });

test('what is said of a change is what is decided on either side of it, and "the same" holds of the unknown too', {
  timeout: randomTestMs,
}, () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(randomChange, fc.array(comparable, { minLength: 20, maxLength: 20 }), ([was, is], asks) => {
      const [before, after] = [policyIn(viewDrawn(was)), policyIn(viewDrawn(is))];
      for (const asked of asks) {
        const [then, now] = [partially(before, asked), partially(after, asked)];
        const change = verdictChange(then, now);
        const decided = `${judged(before, asked)} ${judged(after, asked)}`;
        const isUnknown = then.kind === 'unknown' && now.kind === 'unknown';
        const name = change === 'same' && isUnknown ? 'same, unknown' : change;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        expect(possible[change], `${change} of ${JSON.stringify(asked)}`).toContain(decided);
      }
    }),
    { numRuns: 250 },
  );
  for (const name of [...Object.keys(possible), 'same, unknown']) expect(seen.get(name) ?? 0, name).toBeGreaterThan(10);
});

/** What may truly have been decided before and after, by what is said. */
const possible = {
  same: ['allow allow', 'deny deny'],
  'newly-allowed': ['deny allow'],
  'newly-denied': ['allow deny'],
  'may-be-allowed': ['deny deny', 'deny allow', 'allow allow'],
  'may-be-denied': ['allow allow', 'allow deny', 'deny deny'],
  'may-be-either': ['allow allow', 'allow deny', 'deny allow', 'deny deny'],
} as const;

test('a policy that did not change flips nothing, however little was kept', { timeout: randomTestMs }, () => {
  fc.assert(
    fc.property(randomPolicies, comparable, fc.boolean(), fc.boolean(), (drawn, asked, host, request) => {
      const sides = [drawn, drawn].map((each) => partially(policyIn(viewDrawn(each)), asked, { host, request }));
      const [before, after] = sides;
      if (before === undefined || after === undefined) throw new Error('two sides were judged');
      expect(verdictChange(before, after)).toBe('same');
    }),
    { numRuns: 200 },
  );
});

/** The evaluator says of random policies and requests what the page says, before and after a policy has travelled. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from '../../../src/policy/decide.ts';
import { programOf, readProgram } from '../../../src/policy/program.ts';
import { requestOf } from './asked-request.ts';
import { policyIn, port, randomQuarantined, randomRequest, viewDrawn } from './drawn.ts';
import { expected } from './naive-oracle.ts';

const nowMs = Date.UTC(2026, 10, 22);

test('the evaluator and the naive oracle agree', { timeout: 120_000 }, () => {
  const tally = { allow: 0, deny: 0, audited: 0, quarantined: 0, narrowly: 0 };
  fc.assert(
    fc.property(randomQuarantined, fc.array(randomRequest, { minLength: 20, maxLength: 20 }), (drawn, requests) => {
      const view = viewDrawn(drawn);
      const policy = policyIn(view);
      const read = readProgram(programOf(view));
      expect(read.kind === 'ok' ? read.program.ports.get(port) : read.why).toEqual(policy);
      for (const asked of requests) {
        const want = expected(drawn, asked);
        const decision = decide(policy, requestOf(asked), nowMs);
        tally[decision.kind] += 1;
        expect(decision.kind, JSON.stringify(asked)).toBe(want.verdict);
        if (decision.kind === 'deny') {
          expect(decision.reason.kind === 'quarantined', JSON.stringify(asked)).toBe(want.quarantined);
          if (want.quarantined) tally.quarantined += 1;
          continue;
        }
        const { name, match, when } = decision.rule;
        if (name.startsWith('grant/') && (match.hosts ?? match.headers ?? when) !== undefined) tally.narrowly += 1;
        expect(decision.audited === undefined, JSON.stringify(asked)).toBe(want.audited === 'allow');
        if (decision.audited !== undefined) tally.audited += 1;
      }
    }),
    { numRuns: 400 },
  );
  console.log(
    `agreed on ${tally.allow} allowed (${tally.audited} refused by policies under audit, ${tally.narrowly} by a grant that asks a host, a header or a condition), ${tally.deny} denied (${tally.quarantined} under quarantine)`,
  );
  // Agreement about nothing would be no agreement.
  expect(Math.min(tally.allow, tally.deny)).toBeGreaterThan(500);
  expect(Math.min(tally.audited, tally.quarantined, tally.narrowly)).toBeGreaterThan(0);
});

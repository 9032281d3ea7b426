/** What is said of an object, by what is wrong with it and who has acknowledged it. */
import { describe, expect, test } from 'vitest';
import { type Judged, wishFor } from '../../../src/kube/status/wish.ts';
import type { Problem } from '../../../src/model/problem.ts';
import { objectsFrom } from '../../fixtures/mesh-from.ts';
import { tenant } from '../../fixtures/two-tenants.ts';

const object = objectsFrom(tenant('shop')).find(({ ref }) => ref.kind === 'Tenant') ?? expect.fail('no tenant');

function problem(code: Problem['code'], severity: Problem['severity'] = 'error'): Problem {
  const where = { file: 'Tenant/shop', line: 1 };
  return { code, severity, where, path: 'spec.x', object: object.ref, message: `it is ${code}`, advice: 'mend it' };
}

const none = { acknowledged: 0, concerned: 0 };

/** `type=status reason`, of each condition. */
function said(problems: readonly Problem[], acknowledged: Judged['acknowledged'] = { sidecars: none, workers: none }) {
  const { conditions } = wishFor({ object, problems, acknowledged });
  return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

const fine = [
  'Accepted=True Accepted',
  'ResolvedRefs=True ResolvedRefs',
  'Conflicted=False NoConflict',
  'Programmed=True NoProxyConcerned',
];

test('an object with which nothing is wrong, and which concerns no proxy, is programmed', () => {
  expect(said([])).toEqual(fine);
});

describe('a problem speaks against one condition', () => {
  test.each([
    ['bad-value', 'Accepted=False BadValue', 'Programmed=False NotAccepted'],
    ['dangling-reference', 'ResolvedRefs=False DanglingReference', 'Programmed=False NotInForce'],
    ['sealed-service', 'ResolvedRefs=False SealedService', 'Programmed=False NotInForce'],
    ['policy-conflict', 'Conflicted=True PolicyConflict', 'Programmed=False NotInForce'],
    ['refused-by-proxy', 'Programmed=False RefusedByProxy', 'Programmed=False RefusedByProxy'],
  ] as const)('%s: %s', (code, condition, programmed) => {
    const type = condition.slice(0, condition.indexOf('='));
    const others = fine.filter((each) => !each.startsWith(`${type}=`) && !each.startsWith('Programmed='));
    expect([...said([problem(code)])].sort()).toEqual([...new Set([...others, condition, programmed])].sort());
  });
});

test('a warning is told, and holds nothing back', () => {
  const warned = wishFor({ object, problems: [problem('bad-value', 'warning')], acknowledged: undefined });
  expect(warned.conditions[0]).toMatchObject({
    type: 'Accepted',
    status: 'True',
    message: expect.stringContaining('mend it'),
  });
});

test('a grant that has ended is not accepted, though nobody made a mistake', () => {
  expect(said([problem('expired-grant', 'warning')])[0]).toBe('Accepted=False ExpiredGrant');
});

test('what is worst gives the reason', () => {
  expect(said([problem('dangling-reference', 'warning'), problem('sealed-service')])[1]).toBe(
    'ResolvedRefs=False SealedService',
  );
});

describe('Programmed', () => {
  const programmed = (sidecars: [number, number], workers: [number, number] = [0, 0]) => {
    const [of, ofWorkers] = [sidecars, workers].map(([acknowledged, concerned]) => ({ acknowledged, concerned }));
    if (of === undefined || ofWorkers === undefined) expect.fail('two pairs');
    const { conditions } = wishFor({ object, problems: [], acknowledged: { sidecars: of, workers: ofWorkers } });
    const { status, reason, message } = conditions.at(-1) ?? expect.fail('there is none');
    return `${status} ${reason}: ${message}`;
  };

  test('it says how many proxies have acknowledged, and is false until all have', () => {
    expect(programmed([12, 14])).toBe('False Pending: 12 of 14 proxies');
    expect(programmed([14, 14])).toBe('True Acknowledged: 14 of 14 proxies');
  });

  test('an authorization worker that has not acknowledged holds it back as a proxy does', () => {
    expect(programmed([14, 14], [1, 2])).toBe('False Pending: 14 of 14 proxies, 1 of 2 authorization workers');
  });

  test('what has not been published yet is pending', () => {
    const { conditions } = wishFor({ object, problems: [], acknowledged: undefined });
    expect(conditions.at(-1)).toMatchObject({ status: 'False', reason: 'Pending' });
  });

  test('a refusal is told beside the count', () => {
    const acknowledged = { sidecars: { acknowledged: 3, concerned: 3 }, workers: none };
    const { conditions } = wishFor({ object, problems: [problem('refused-by-proxy')], acknowledged });
    expect(conditions.at(-1)?.message).toBe('3 of 3 proxies; spec.x: it is refused-by-proxy; mend it');
  });
});

test('a thousand problems make no message that an API server would refuse', () => {
  const { conditions } = wishFor({
    object,
    problems: Array(2_000).fill(problem('bad-value')),
    acknowledged: undefined,
  });
  expect(conditions[0]?.message.length).toBeLessThan(32_768 / 2 + 2);
});

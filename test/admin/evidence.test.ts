/** Questions about evidence: who is shown what, and what a tenant cannot learn of another. */
import { describe, expect, test } from 'vitest';
import { answerEvidenceCall } from '../../src/admin/evidence.ts';
import type { EvidenceCall } from '../../src/admin/evidence-requests.ts';
import type { Caller } from '../../src/admin/methods.ts';
import type { Role, Scope } from '../../src/admin/person.ts';
import { sampleEvents } from '../evidence/event-of-each-kind.ts';
import { MemoryEvidence } from '../evidence/memory-evidence.ts';

const whole: Scope = { kind: 'mesh' };
const owner: Caller = { kind: 'owner' };

function person(role: Role, scope: Scope = whole): Caller {
  return { kind: 'person', person: { trustDomain: 'prod.example', role, scope, name: 'alix' } };
}

function desk() {
  const evidence = new MemoryEvidence();
  const forgotten: string[] = [];
  return {
    evidence,
    forgotten,
    store: evidence,
    reveal: (tenant: string, token: string) => `${tenant} knows ${token}`,
    kept: evidence,
    async forget(tenant: string) {
      forgotten.push(tenant);
      return { kind: tenant === 'unheard-of' ? 'unknown' : 'forgotten' } as const;
    },
  };
}

async function ask(here: ReturnType<typeof desk>, call: EvidenceCall, body: unknown, scope = whole, caller = owner) {
  return answerEvidenceCall(here, call, caller, scope, body);
}

const shop: Scope = { kind: 'tenant', tenant: 'shop' };

describe('a tenant', () => {
  test.each([{}, { tenant: 'atelier' }, { id: 'd:1f0c' }, { from: 'shop/web' }, { after: { r1: 0 } }])(
    'is shown its own events and no others, whatever it asks: %j',
    async (filter) => {
      const here = desk();
      here.evidence.keep(...Object.values(sampleEvents));
      const answer = await ask(here, 'events', { ...filter, limit: 100 }, shop);
      if (answer.kind !== 'ok' || !('events' in answer.value)) throw new Error(JSON.stringify(answer));
      const tenants = new Set(answer.value.events.map(({ event }) => event.tenant));
      expect([...tenants].filter((tenant) => tenant !== 'shop')).toEqual([]);
    },
  );

  test('cannot have another forgotten, and is told the same as of one that is not there', async () => {
    const here = desk();
    const other = await ask(here, 'evidenceForget', { tenant: 'atelier' }, shop);
    const nobody = await ask(here, 'evidenceForget', { tenant: 'unheard-of' });
    expect(here.forgotten).toEqual(['unheard-of']);
    expect(JSON.stringify(other).replaceAll('atelier', 'unheard-of')).toBe(JSON.stringify(nobody));
    expect(await ask(here, 'evidenceForget', { tenant: 'shop' }, shop)).toEqual({
      kind: 'ok',
      value: { tenant: 'shop' },
    });
  });
});

describe('names of people', () => {
  test.each([
    ['the owner of the state folder', owner, true],
    ['an auditor', person('auditor'), true],
    ['a viewer', person('viewer'), false],
    ['an operator', person('operator'), false],
    ['a game master', person('game-master'), false],
  ])('%s', async (_, caller, isTold) => {
    const here = desk();
    here.evidence.keep(sampleEvents['human-action']);
    const answer = await ask(here, 'events', { limit: 1 }, whole, caller);
    expect(JSON.stringify(answer).includes('atelier knows')).toBe(isTold);
  });
});

describe('following', () => {
  test('waits where nothing is new, and is answered with what comes', async () => {
    const here = desk();
    here.evidence.keep(sampleEvents.denial);
    const answer = ask(here, 'events', { after: {}, waitMs: 5_000, limit: 10 });
    await expect.poll(() => here.evidence.isFollowed).toBe(true);
    here.evidence.keep(sampleEvents.nack);
    expect(await answer).toMatchObject({ value: { events: [{ event: { id: 'nack:12' } }], cursor: { r1: 2 } } });
  });

  test('goes on waiting where what came is not what was asked for', async () => {
    const here = desk();
    const answer = ask(here, 'events', { after: {}, waitMs: 5_000, limit: 10, kinds: ['nack'] });
    for (const event of [sampleEvents.denial, sampleEvents.nack]) {
      await expect.poll(() => here.evidence.isFollowed).toBe(true);
      here.evidence.keep(event);
    }
    expect(await answer).toMatchObject({ value: { events: [{ event: { id: 'nack:12' } }], cursor: { r1: 2 } } });
  });

  test('is refused in words where no more can wait', async () => {
    const here = { ...desk(), kept: { told: 0, wait: () => undefined } };
    const answer = await answerEvidenceCall(here, 'events', owner, whole, { after: {}, waitMs: 5_000, limit: 10 });
    expect(answer).toMatchObject({ kind: 'store', message: expect.stringContaining('as many follow') });
  });

  test('does not wait where something is', async () => {
    const here = desk();
    here.evidence.keep(sampleEvents.denial);
    const answer = await ask(here, 'events', { after: { r1: 0 }, waitMs: 5_000, limit: 10 });
    expect(answer).toMatchObject({ value: { events: [{ event: { id: 'd:1f0c' } }] } });
  });
});

test.each([
  ['a field that is none', { limit: 1, tennant: 'shop' }],
  ['no limit', {}],
  ['a limit beyond the bound', { limit: 1_001 }],
  ['a wait beyond the bound', { limit: 1, after: {}, waitMs: 60_000 }],
  ['a kind that is none', { limit: 1, kinds: ['rumour'] }],
  ['a name of a replica that is none', { limit: 1, after: { '../x': 0 } }],
  ['no object', 'events'],
])('%s is refused', async (_, body) => {
  expect((await ask(desk(), 'events', body)).kind).toBe('bad-request');
});

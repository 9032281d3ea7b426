/** What is looked up and written again and again: whom to let in, and the registrations. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KubeObject, Outcome } from '../../../src/kube/objects.ts';
import { mayAsk } from '../../../src/kube/webhook/client-trust.ts';
import { RegistrationKeeper } from '../../../src/kube/webhook/registration-keeper.ts';
import { TrustWatch } from '../../../src/kube/webhook/trust-watch.ts';
import { webhookConfigurations } from '../../../src/kube/webhook/webhook-configurations.ts';
import { makeAuthority } from '../harness/certificates.ts';

const gone: Outcome = { kind: 'unanswered', message: 'no answer, or half of one (ECONNREFUSED)' };

function said(data: object): Outcome {
  return { kind: 'done', object: { metadata: { name: 'extension-apiserver-authentication' }, data } };
}

const { certificate: frontCa } = await makeAuthority('front proxies');
const { certificate: otherCa } = await makeAuthority('other proxies');
const front = {
  'requestheader-client-ca-file': frontCa,
  'requestheader-allowed-names': '["front-proxy-client"]',
  'client-ca-file': 'the CA of people and kubelets',
};

describe('SEC-45 whom the webhooks let in', () => {
  function watch(...outcomes: Outcome[]) {
    const asked: string[] = [];
    const read = async (of: { namespace?: string }, name: string) => {
      asked.push(`${of.namespace}/${name}`);
      return outcomes.shift() ?? gone;
    };
    return { asked, trust: new TrustWatch({ kind: 'cluster' }, { read }) };
  }

  test('nobody, until the cluster has said who vouches for API servers; and not who vouches for people', async () => {
    const { trust, asked } = watch(said(front));
    expect(trust.trust()).toEqual({ kind: 'nobody' });
    expect(mayAsk(trust.trust(), 'front-proxy-client')).toBe(false);
    expect(await trust.look()).toBe(true);
    expect(asked).toEqual(['kube-system/extension-apiserver-authentication']);
    const wanted = { kind: 'certificate', anchorPem: frontCa, names: new Set(['front-proxy-client']) };
    expect(trust.trust()).toEqual(wanted);
    expect(trust.problems()).toEqual([]);
  });

  test.each<[string, Outcome]>([
    ['says nothing of it', said({ 'client-ca-file': 'the CA of people and kubelets' })],
    ['says it in a form that nobody understands', said({ ...front, 'requestheader-allowed-names': 'all' })],
    ['names what is no certificate', said({ ...front, 'requestheader-client-ca-file': 'garbage' })],
    ['may not be asked', { kind: 'refused', status: 403, message: 'forbidden' }],
    ['has no such object', { kind: 'missing' }],
  ])('nobody, and a problem, where the cluster %s', async (_, outcome) => {
    const { trust } = watch(outcome);
    expect(await trust.look()).toBe(true);
    expect(trust.trust()).toEqual({ kind: 'nobody' });
    expect(trust.problems()).toMatchObject([{ code: 'webhook-closed', severity: 'error' }]);
  });

  test('an answer that does not come takes nobody’s trust away, and the same answer is no news', async () => {
    const { trust } = watch(
      said(front),
      gone,
      said(front),
      said({ ...front, 'requestheader-client-ca-file': otherCa }),
    );
    await trust.look();
    const first = trust.trust();
    expect([await trust.look(), await trust.look()]).toEqual([false, false]);
    expect(trust.trust()).toBe(first);
    expect(await trust.look()).toBe(true);
    expect(trust.trust()).toMatchObject({ anchorPem: otherCa });
  });

  test('by a file and names, read again and again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'coffre-trust-'));
    const file = join(folder, 'ca.crt');
    const trust = new TrustWatch({ kind: 'file', file, names: ['kube-apiserver'] }, { read: async () => gone });
    await trust.look();
    expect(trust.problems()).toMatchObject([{ code: 'webhook-closed', message: expect.stringContaining(file) }]);
    await writeFile(file, frontCa);
    await trust.look();
    expect(trust.problems()).toEqual([]);
    expect([mayAsk(trust.trust(), 'kube-apiserver'), mayAsk(trust.trust(), 'kubelet')]).toEqual([true, false]);
    await rm(folder, { recursive: true });
  });

  test('anybody, if the operator says so, and it is told for as long as it is so', async () => {
    const trust = new TrustWatch({ kind: 'anyone' }, { read: async () => gone });
    expect(await trust.look()).toBe(false);
    expect(mayAsk(trust.trust(), undefined)).toBe(true);
    expect(trust.problems()).toMatchObject([{ code: 'webhook-open', severity: 'warning' }]);
  });

  test('a certificate with two common names, or none, is nobody’s', () => {
    const trust = { kind: 'certificate', anchorPem: '', names: new Set<string>() } as const;
    expect([['a', 'b'], undefined, 'a'].map((name) => mayAsk(trust, name))).toEqual([false, false, true]);
  });
});

describe('the registrations', () => {
  const wanted = webhookConfigurations({ rootPem: 'the root' });

  const standing = async (): Promise<Outcome> => ({ kind: 'done', object: { metadata: { name: 'coffre' } } });

  function keeper(term: () => number | undefined, outcome: (object: KubeObject) => Outcome, read = standing) {
    const applied: string[] = [];
    const apply = async (_: unknown, object: KubeObject) => {
      applied.push(String(object.kind));
      return outcome(object);
    };
    return { applied, keeper: new RegistrationKeeper({ read, apply }, { term }) };
  }

  test('are written by the leader and by nobody else', async () => {
    const follower = keeper(
      () => undefined,
      (object) => ({ kind: 'done', object }),
    );
    await follower.keeper.look(wanted);
    const leader = keeper(
      () => 7,
      (object) => ({ kind: 'done', object }),
    );
    await leader.keeper.look(wanted);
    expect([follower.applied, leader.applied]).toEqual([
      [],
      ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
    ]);
  });

  test('are let go of between two writes by who leads no more', async () => {
    const terms: (number | undefined)[] = [7, undefined];
    const former = keeper(
      () => terms.shift(),
      (object) => ({ kind: 'done', object }),
    );
    await former.keeper.look(wanted);
    expect(former.applied).toEqual(['MutatingWebhookConfiguration']);
  });

  test('that cannot be written are told, until they can', async () => {
    let outcome: Outcome = { kind: 'refused', status: 403, message: 'the API server answered 403' };
    const { keeper: troubled } = keeper(
      () => 7,
      (object) => (outcome.kind === 'done' ? { kind: 'done', object } : outcome),
    );
    expect(await troubled.look(wanted)).toBe(true);
    expect(troubled.problems().map(({ code }) => code)).toEqual(['webhook-closed', 'webhook-closed']);
    expect(await troubled.look(wanted)).toBe(false);
    outcome = { kind: 'done', object: { metadata: { name: 'coffre' } } };
    expect(await troubled.look(wanted)).toBe(true);
    expect(troubled.problems()).toEqual([]);
  });

  test('that nobody has installed yet are neither written nor missed, and one that cannot be read counts as there', async () => {
    let found: Outcome = { kind: 'missing' };
    const early = keeper(
      () => 7,
      (object) => ({ kind: 'done', object }),
      async () => found,
    );
    expect(await early.keeper.look(wanted)).toBe(false);
    expect([early.applied, early.keeper.problems(), early.keeper.isRegistered()]).toEqual([[], [], false]);
    found = { kind: 'unanswered', message: 'no answer' };
    expect(await early.keeper.look(wanted)).toBe(true);
    expect([early.applied, early.keeper.problems().length, early.keeper.isRegistered()]).toEqual([[], 2, true]);
    found = await standing();
    expect(await early.keeper.look(wanted)).toBe(true);
    expect([early.applied.length, early.keeper.problems(), early.keeper.isRegistered()]).toEqual([2, [], true]);
  });
});

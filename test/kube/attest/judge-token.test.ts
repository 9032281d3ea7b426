/** What is believed of a token: what it claims, what the API server says of it, and what its pod is now. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readClaims, tokenLengthMax } from '../../../src/kube/attest/claimed-pod.ts';
import { judgeToken } from '../../../src/kube/attest/judge-token.ts';
import type { RegisteredPod } from '../../../src/kube/attest/pod-register.ts';
import { type BoundToken, readReview } from '../../../src/kube/attest/token-review.ts';

const audience = 'coffre';
const nowMs = 1_000_000;

function tokenSaying(payload: unknown): string {
  return `head.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.signature`;
}

describe('what a token claims', () => {
  const claims = { aud: [audience], exp: 2_000, 'kubernetes.io': { pod: { name: 'web-0', uid: 'u-1' } } };

  test('is enough to ask about it, and to know when it ends', () => {
    expect(readClaims(tokenSaying(claims), audience, nowMs)).toEqual({
      ...{ kind: 'claimed', podUid: 'u-1', endsAtMs: 2_000_000 },
    });
  });

  test.each([
    ['another audience', { ...claims, aud: ['vault'] }],
    ['another audience', { ...claims, aud: undefined }],
    ['expired', { ...claims, exp: 1_000 }],
    ['no end', { ...claims, exp: '2000' }],
    ['no end', { ...claims, exp: 1e300 }],
    ['bound to no pod', { ...claims, 'kubernetes.io': {} }],
    ['bound to no pod', { ...claims, 'kubernetes.io': { pod: { uid: '' } } }],
    ['malformed', []],
    ['malformed', 'text'],
    ['malformed', null],
  ])('refuses what nobody need be asked about: %s', (reason, payload) => {
    expect(readClaims(tokenSaying(payload), audience, nowMs)).toEqual({ kind: 'refused', reason });
  });

  test('SEC-37 no text whatever throws, and one that is too long is not parsed', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json().map((json) => tokenSaying(JSON.parse(json))),
    );
    fc.assert(fc.property(text, (token) => readClaims(token, audience, nowMs).kind === 'refused'));
    const long = tokenSaying({ ...claims, note: 'x'.repeat(tokenLengthMax) });
    expect(readClaims(long, audience, nowMs)).toEqual({ kind: 'refused', reason: 'too long' });
  });
});

describe('what the API server says of a token', () => {
  const extra = {
    'authentication.kubernetes.io/pod-name': ['web-0'],
    'authentication.kubernetes.io/pod-uid': ['u-1'],
    'authentication.kubernetes.io/node-name': ['n-1'],
  };
  const user = { username: 'system:serviceaccount:shop:web', extra };
  const status = { authenticated: true, audiences: [audience], user };

  test('is where it belongs', () => {
    const token = { namespace: 'shop', serviceAccount: 'web', pod: { name: 'web-0', uid: 'u-1' }, node: 'n-1' };
    expect(readReview({ status }, audience)).toEqual({ kind: 'bound', token });
  });

  test.each([
    ['not authenticated', { ...status, authenticated: false }],
    ['authenticated in words only', { ...status, authenticated: 'true' }],
    ['of an API server without audiences', { ...status, audiences: undefined }],
    ['for another audience', { ...status, audiences: ['vault'] }],
    ['of a person', { ...status, user: { ...user, username: 'alice' } }],
    ['of a node', { ...status, user: { ...user, username: 'system:node:n-1' } }],
    ['SEC-37 of a malformed account', { ...status, user: { ...user, username: 'system:serviceaccount:shop' } }],
    ['of an account with a way out', { ...status, user: { ...user, username: 'system:serviceaccount:shop:../x' } }],
    ['bound to no pod', { ...status, user: { ...user, extra: {} } }],
    [
      'bound to a pod without a uid',
      { ...status, user: { ...user, extra: { ...extra, [`authentication.kubernetes.io/pod-uid`]: [] } } },
    ],
    [
      'bound to two pods',
      { ...status, user: { ...user, extra: { ...extra, [`authentication.kubernetes.io/pod-uid`]: ['u-1', 'u-2'] } } },
    ],
  ])('refuses a token %s', (_, said) => {
    expect(readReview({ status: said }, audience)).toMatchObject({ kind: 'refused' });
  });

  test('is nothing where it is no review', () => {
    for (const answer of [undefined, null, [], {}, { status: null }, { status: { ...status, user: 7 } }]) {
      expect(readReview(answer, audience)).toBeUndefined();
    }
    fc.assert(fc.property(fc.anything(), (answer) => readReview(answer, audience)?.kind !== 'bound'));
  });
});

describe('a token is held against its pod as it is', () => {
  const token: BoundToken = {
    namespace: 'shop',
    serviceAccount: 'web',
    pod: { name: 'web-0', uid: 'u-1' },
    node: 'n-1',
  };
  const pod: RegisteredPod = {
    ...{ key: 'shop/web-0', uid: 'u-1', serviceAccount: 'web', node: 'n-1', sinceMs: 0 },
    ...{ isInjected: true, isEnding: false },
  };

  test('and is its workload’s', () => {
    const subject = { workload: 'shop/web-0', serviceAccount: 'web' };
    expect(judgeToken(token, pod, false)).toEqual({ kind: 'workload', subject });
    expect(judgeToken(token, { ...pod, isEnding: true }, true)).toEqual({ kind: 'workload', subject });
  });

  test.each([
    ['a pod that is gone', token, undefined],
    ['SEC-38 another pod of the account', { ...token, pod: { ...token.pod, name: 'web-1' } }, pod],
    ['SEC-38 another namespace', { ...token, namespace: 'bank' }, pod],
    ['SEC-38 another service account', { ...token, serviceAccount: 'admin' }, pod],
    ['SEC-38 another node', { ...token, node: 'n-2' }, pod],
    ['no node', { ...token, node: undefined }, { ...pod, node: undefined }],
    ['a pod without our sidecar', token, { ...pod, isInjected: false }],
    ['a pod that ends', token, { ...pod, isEnding: true }],
  ])('it is refused for %s', (_, of, held) => {
    expect(judgeToken(of, held, false)).toMatchObject({ kind: 'refused' });
  });

  test('only the workers’ own account in our own namespace is a worker’s', () => {
    const ours = { ...token, namespace: 'coffre-system' };
    const worker = { ...pod, key: 'coffre-system/web-0', isInjected: false, serviceAccount: 'coffre-authz' };
    expect(judgeToken({ ...ours, serviceAccount: 'coffre-authz' }, worker, false)).toEqual({
      ...{ kind: 'worker', pod: 'coffre-system/web-0' },
    });
    expect(judgeToken(ours, { ...worker, serviceAccount: 'web', isInjected: true }, false)).toMatchObject({
      kind: 'refused',
    });
    expect(
      judgeToken({ ...token, serviceAccount: 'coffre-authz' }, { ...pod, serviceAccount: 'coffre-authz' }, false),
    ).toMatchObject({
      kind: 'workload',
    });
  });
});

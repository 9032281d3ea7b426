/** What a person asks for, read from what the API server keeps. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePerson } from '../../../src/admin/person.ts';
import { personNameOf, personRequest } from '../../../src/kube/people/person-request.ts';

const spec = {
  ...{ signerName: 'coffre.dev/shop.game-master', username: 'ana', groups: ['people'], uid: '7' },
  request: Buffer.from('PEM').toString('base64'),
};
const read = (more: object, status: object = {}) =>
  personRequest({ metadata: { name: 'r' }, spec: { ...spec, ...more }, status });

describe('a request', () => {
  test('names role and tenant by its signer, and the user by what the API server wrote', () => {
    expect(read({})).toEqual({
      ...{ role: 'game-master', tenant: 'shop', name: personNameOf('ana'), request: 'PEM', lifetimeMs: 43_200_000 },
      user: { user: 'ana', groups: ['people'], uid: '7', extra: {} },
    });
    expect(read({ signerName: 'coffre.dev/operator' })).toMatchObject({ role: 'operator', tenant: undefined });
  });

  test.each([
    ['of another signer', { signerName: 'kubernetes.io/kube-apiserver-client' }, {}],
    ['of a signer that only looks like ours', { signerName: 'xcoffre.dev/operator' }, {}],
    ['with more than a tenant and a role', { signerName: 'coffre.dev/a.b.operator' }, {}],
    ['that has its certificate', {}, { certificate: 'x' }],
    ['that was denied', {}, { conditions: [{ type: 'Denied' }] }],
    ['that failed', {}, { conditions: [{ type: 'Failed' }] }],
  ])('%s is not ours to answer', (_what, more, status) => {
    expect(read(more, status)).toBeUndefined();
  });

  test.each([
    [60, 600_000],
    [3_600, 3_600_000],
    [1_000_000, 43_200_000],
  ])('for %d s is answered for %d ms', (expirationSeconds, lifetimeMs) => {
    expect(read({ expirationSeconds })?.lifetimeMs).toBe(lifetimeMs);
  });
});

test('every user is a person of their own at the door, whatever they are called', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
      const name = personNameOf(one);
      expect(parsePerson(`spiffe://mesh.test/people/operator/mesh/${name}`)?.name).toBe(name);
      if (one !== other) expect(personNameOf(other)).not.toBe(name);
    }),
  );
});

/** The webhook server alone: who is let in, what is read, and what it outlives. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { unchanged } from '../../../src/kube/admission.ts';
import type { Judge } from '../../../src/kube/webhook/judges.ts';
import { issue, makeAuthority, type PemPair } from '../harness/certificates.ts';
import { type Asked, apiServerName, loopback, noCertificate, reviewOf, startAsked } from './asked-server.ts';

const run = { seed: Number(process.env['COFFRE_SEED']), numRuns: 200 };
let server: Asked | undefined;

async function start(judge: Judge = () => unchanged): Promise<Asked> {
  server = await startAsked(judge);
  return server;
}

afterEach(() => server?.close());

describe('SEC-45 who is no API server is refused before anything is read', () => {
  const strangers: readonly [string, (asked: Asked) => Promise<PemPair>][] = [
    ['without a certificate', async () => noCertificate],
    ['with one of another authority', async () => issue(await makeAuthority('front proxies'), { name: apiServerName })],
    ['with a good one of another name', ({ clients }) => issue(clients, { name: 'kubelet' })],
    ['with one that names a server', ({ clients }) => issue(clients, { name: apiServerName }, [loopback])],
  ];
  test.each(strangers)('%s', async (_, certificateOf) => {
    const asked = await start();
    const as = await certificateOf(asked);
    await expect(asked.ask('/pods', reviewOf({}), { as })).rejects.toMatchObject({ code: expect.anything() });
    // Not even what is no path is told from what is one.
    await expect(asked.ask('/nowhere', 'nonsense', { as })).rejects.toMatchObject({ code: expect.anything() });
    expect(asked.judged).toEqual([]);
    expect(await asked.ask('/pods', reviewOf({}))).toMatchObject({
      status: 200,
      body: { response: { allowed: true } },
    });
  });

  test('whoever the operator lets in without one is let in, and nobody is while nothing is known', async () => {
    const asked = await start();
    await asked.rotate({ kind: 'nobody' });
    await expect(asked.ask('/pods', reviewOf({}))).rejects.toThrow();
    await asked.rotate({ kind: 'anyone' });
    expect(await asked.ask('/pods', reviewOf({}), { as: noCertificate })).toMatchObject({ status: 200 });
  });

  test('strangers who say nothing take no place from an API server', async () => {
    const asked = await start();
    const silent = Array.from({ length: 300 }, () =>
      connect({ host: loopback, port: asked.port }).on('error', () => {}),
    );
    await Promise.all(silent.map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
    expect(await asked.ask('/pods', reviewOf({}))).toMatchObject({ status: 200 });
    for (const socket of silent) socket.destroy();
  });
});

describe('what cannot be read is refused with the reason', () => {
  test.each<[string, unknown, object]>([
    ['no JSON', '{"apiVersion":', { status: 400 }],
    ['no object', 'null', { status: 400 }],
    ['no review', { kind: 'Pod' }, { status: 400, body: expect.stringContaining('no AdmissionReview') }],
    ['a key that is none', '{"__proto__":{"allowed":true}}', { status: 400 }],
    ['an empty body', '', { status: 400 }],
  ])('%s', async (_, body, wanted) => {
    const asked = await start();
    expect(await asked.ask('/pods', body)).toMatchObject(wanted);
    expect(asked.judged).toEqual([]);
  });

  test.each<[string, object]>([
    ['of an operation that nobody knows', { operation: 'READ' }],
    ['of nobody', { userInfo: {} }],
    ['of no kind', { kind: 'Pod' }],
  ])('a review %s, by its own uid', async (_, change) => {
    const asked = await start();
    const { status, body } = await asked.ask('/pods', reviewOf({ uid: 'mine', ...change }));
    const refusal = {
      uid: 'mine',
      allowed: false,
      status: { code: 403, message: expect.stringContaining('at `request.') },
    };
    expect({ status, body }).toMatchObject({ status: 200, body: { response: refusal } });
  });

  test('another version of reviews', async () => {
    const asked = await start();
    const { body } = await asked.ask('/pods', { ...reviewOf({}), apiVersion: 'admission.k8s.io/v1beta1' });
    expect(body).toMatchObject({ response: { uid: 'u-1', allowed: false } });
  });

  test('what is longer than two objects can be, and what does not say how long it is', async () => {
    const asked = await start();
    const long = reviewOf({ object: 'x'.repeat(9 * 1_024 * 1_024) });
    await expect(
      asked.ask('/pods', long).then(
        ({ status }) => status,
        () => 'closed',
      ),
    ).resolves.toSatisfy((came) => came === 413 || came === 'closed');
    expect(await asked.ask('/pods', reviewOf({}), { isChunked: true })).toMatchObject({ status: 411 });
    expect(asked.judged).toEqual([]);
    expect(await asked.ask('/pods', reviewOf({}))).toMatchObject({ status: 200 });
  });

  test('whatever is sent, it is answered, nobody is let by, and the next one is served', async () => {
    const asked = await start(() => {
      throw new Error('nobody should be asked');
    });
    const agent = asked.keeping();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.json(), fc.string()),
        fc.constantFrom('/pods', '/objects', '/x'),
        async (body, path) => {
          const { status } = await asked.ask(path, body, { agent });
          expect([400, 404]).toContain(status);
        },
      ),
      run,
    );
    expect(asked.failures).toEqual([]);
  });
});

test('what a judge throws is no verdict: the review is refused, and the reason is in the log', async () => {
  const asked = await start(() => {
    throw new Error('a broken invariant');
  });
  const { body } = await asked.ask('/pods', reviewOf({}));
  expect(body).toMatchObject({ response: { allowed: false, status: { code: 503 } } });
  expect(asked.failures).toMatchObject([{ message: 'a broken invariant' }]);
});

test('the same review twice gets the same answer, to the byte', async () => {
  const asked = await start(() => ({ kind: 'allowed', patch: [{ op: 'add', path: '/a', value: 1 }] }));
  const [first, second] = [await asked.ask('/inject', reviewOf({})), await asked.ask('/inject', reviewOf({}))];
  expect(second).toEqual(first);
  const patch = Buffer.from('[{"op":"add","path":"/a","value":1}]').toString('base64');
  expect(first.body).toMatchObject({ response: { uid: 'u-1', allowed: true, patchType: 'JSONPatch', patch } });
});

test('more reviews than are taken at once are sent away, and taken when there is room again', async () => {
  const held = Promise.withResolvers<void>();
  const asked = await start(async () => {
    await held.promise;
    return unchanged;
  });
  const big = reviewOf({ object: 'x'.repeat(7 * 1_024 * 1_024) });
  const many = Array.from({ length: 12 }, () =>
    asked.ask('/pods', big).then(
      ({ status }) => status,
      () => 'closed',
    ),
  );
  const sentAway = await Promise.race(many);
  held.resolve();
  expect([429, 'closed']).toContain(sentAway);
  const all = await Promise.all(many);
  expect(all.filter((status) => status === 200).length).toBeGreaterThanOrEqual(8);
  expect(await asked.ask('/pods', big)).toMatchObject({ status: 200 });
});

describe('FLT-22 the certificate is renewed without a restart', () => {
  test('the next handshake sees the new one, and no request under way is lost', async () => {
    const slow = Promise.withResolvers<void>();
    const asked = await start(async ({ name }) => {
      if (name === 'slow') await slow.promise;
      return unchanged;
    });
    const before = await asked.serial();
    const agent = asked.keeping();
    expect(await asked.ask('/pods', reviewOf({}), { agent })).toMatchObject({ status: 200, connection: 'keep-alive' });
    const underWay = asked.ask('/pods', reviewOf({ name: 'slow' }), { agent });
    await expect.poll(() => asked.judged.length).toBe(1);
    for (let round = 0; round < 5; round++) {
      await asked.rotate();
      expect(await asked.ask('/pods', reviewOf({}))).toMatchObject({ status: 200 });
    }
    slow.resolve();
    expect(await underWay).toMatchObject({ status: 200 });
    expect(await asked.serial()).not.toBe(before);
  });

  test('who is trusted no more has no connection that stays', async () => {
    const asked = await start();
    const agent = asked.keeping();
    await asked.ask('/pods', reviewOf({}), { agent });
    const { certificate: anchorPem } = await makeAuthority('other proxies');
    await asked.rotate({ kind: 'certificate', anchorPem, names: new Set() });
    const ended = asked.ask('/pods', reviewOf({}), { agent }).then(
      ({ connection }) => connection,
      () => 'close',
    );
    expect(await ended).toBe('close');
    await expect(asked.ask('/pods', reviewOf({}), { agent })).rejects.toThrow();
  });
});

test('it closes, whoever is connected and says nothing', async () => {
  const asked = await start();
  const { certificate: cert, key } = asked.apiServer;
  const at = { host: loopback, port: asked.port };
  const known = connectTls({ ...at, ca: asked.anchor, cert, key }).on('error', () => undefined);
  const stranger = connect(at).on('error', () => undefined);
  await Promise.all([once(known, 'secureConnect'), once(stranger, 'connect')]);
  await asked.close();
  server = undefined;
  await Promise.all([known, stranger].map((socket) => socket.closed || once(socket, 'close')));
});

test('nothing older than TLS 1.3 is spoken', async () => {
  const asked = await start();
  const { certificate: cert, key } = asked.apiServer;
  const at = { host: loopback, port: asked.port, ca: asked.anchor, cert, key };
  const socket = connectTls({ ...at, maxVersion: 'TLSv1.2' });
  const [error] = await once(socket, 'error');
  expect(String(error)).toContain('protocol version');
});

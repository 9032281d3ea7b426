/** Single steps of an installation and of its end, before an API server that does what the test says. */
import { describe, expect, test } from 'vitest';
import { defaultValues } from '../../../src/kube/install/default-values.ts';
import { installation } from '../../../src/kube/install/installation.ts';
import { listObjects } from '../../../src/kube/install/list-objects.ts';
import { preflight } from '../../../src/kube/install/preflight.ts';
import { removalOf, remove } from '../../../src/kube/install/remove.ts';
import { untilHeard } from '../../../src/kube/install/until-heard.ts';
import { untilPowerless } from '../../../src/kube/install/until-powerless.ts';
import type { KubeRequest } from '../../../src/kube/kube-client.ts';
import { KubeObjects } from '../../../src/kube/objects.ts';

type Answer = readonly [status: number, body: object];

/** @param answer to each request, by its method and path. */
function objectsThat(answer: (asked: KubeRequest) => Answer): {
  readonly objects: KubeObjects;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const send = async (request: KubeRequest) => {
    asked.push(`${request.method} ${request.path}`);
    const [status, body] = answer(request);
    return { status, retryAfterMs: undefined, body: bytesOf(body) };
  };
  return { objects: new KubeObjects({ send }, new AbortController().signal), asked };
}

async function* bytesOf(body: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(body));
}

const wanted = installation(defaultValues);
const never = new AbortController().signal;

describe('before anything is written', () => {
  test.each([
    ['1', '30'],
    ['1', '30+'],
    ['1', '9'],
    ['0', '99'],
    ['1', ''],
  ])('Kubernetes %s.%s is too old, and is asked for nothing', async (major, minor) => {
    const { objects, asked } = objectsThat(() => [500, {}]);
    const { obstacles } = await preflight(wanted, { major, minor }, objects);
    expect(obstacles).toEqual([
      expect.objectContaining({ where: 'the API server', advice: 'upgrade the cluster to 1.31 or newer' }),
    ]);
    expect(asked).toEqual([]);
  });

  test.each([
    ['1', '31'],
    ['1', '31+'],
    ['1', '40'],
    ['2', '0'],
  ])('Kubernetes %s.%s is taken', async (major, minor) => {
    const { objects } = objectsThat(({ method }) =>
      method === 'GET' ? [404, {}] : [201, { status: { allowed: true } }],
    );
    expect((await preflight(wanted, { major, minor }, objects)).obstacles).toEqual([]);
  });

  test('an API server that cannot say what is there is no empty cluster', async () => {
    const { objects } = objectsThat(({ method }) =>
      method === 'GET' ? [503, {}] : [201, { status: { allowed: true } }],
    );
    const { obstacles } = await preflight(wanted.slice(0, 2), { major: '1', minor: '36' }, objects);
    expect(obstacles.map(({ message }) => message)).toEqual(Array(2).fill('the API server answered 503'));
  });
});

describe('webhooks that an API server does not ask, or not get through to', () => {
  const askers = wanted.filter(({ kind = '' }) => kind.endsWith('WebhookConfiguration'));
  const unheard = (deleted: Answer) =>
    objectsThat(({ method, path }) => {
      if (method === 'POST') return [500, { message: 'failed calling webhook' }];
      return method === 'GET' ? [200, { metadata: { name: path.split('/').at(-1), uid: 'one' } }] : deleted;
    });

  test('are asked again while the API server takes what they refuse, and are heard once it is refused', async () => {
    const answers: Answer[] = [
      [201, {}],
      [500, {}],
      [403, { message: 'admission webhook denied the request' }],
    ];
    const { objects, asked } = objectsThat(() => answers.shift() ?? [500, {}]);
    const signal = new AbortController().signal;
    expect(await untilHeard(askers, new Map(), { objects, signal })).toBeUndefined();
    expect(asked).toHaveLength(3);
  });

  test('are taken away again where nobody asks them', async () => {
    const { objects } = objectsThat(({ method }) => (method === 'POST' ? [201, {}] : [404, {}]));
    const { message } = (await untilHeard(askers, new Map(), { objects, signal: AbortSignal.abort() })) ?? {};
    expect(message).toContain('it does not ask them yet; they were taken away again');
  });

  test('are taken away again', async () => {
    const { objects, asked } = unheard([200, {}]);
    const { message } = (await untilHeard(askers, new Map(), { objects, signal: AbortSignal.abort() })) ?? {};
    expect(message).toContain('they were taken away again');
    expect(asked.filter((request) => request.startsWith('DELETE'))).toHaveLength(askers.length);
  });

  test('are not said to be taken away where they could not be', async () => {
    const { objects } = unheard([403, { message: 'no' }]);
    const { message } = (await untilHeard(askers, new Map(), { objects, signal: AbortSignal.abort() })) ?? {};
    expect(message).toContain('could not be taken away again (the API server answered 403: no)');
    expect(message).not.toContain('they were taken away');
  });
});

describe('a removal', () => {
  const also = { definitions: false, namespace: false };
  const there = (path: string) => ({ metadata: { name: path.split('/').at(-1), uid: `uid of ${path}` } });

  test('while a webhook stands that could not be taken away, who answers it stays', async () => {
    const { objects, asked } = objectsThat(({ method, path }) => {
      if (method === 'GET') return [200, there(path)];
      return path.includes('/validatingwebhookconfigurations/') ? [403, { message: 'no' }] : [200, {}];
    });
    const { removed, obstacles } = await remove(removalOf(wanted, also), objects, never);
    expect(removed).toEqual([]);
    expect(obstacles).toEqual([expect.objectContaining({ where: 'ValidatingWebhookConfiguration/coffre' })]);
    expect(asked.filter((request) => request.startsWith('DELETE'))).toHaveLength(1);
  });

  test.each([
    ['clusterrolebindings', 'ClusterRoleBinding/coffre'],
    ['validatingadmissionpolicies', 'ValidatingAdmissionPolicy/coffre-claims-are-encrypted'],
  ])(
    'while one of %s stands, so do the definitions without which policies would refuse every pod',
    async (plural, where) => {
      const { objects, asked } = objectsThat(({ method, path }) => {
        if (method === 'GET') return [200, there(path)];
        return path.includes(`/${plural}/`) ? [403, { message: 'no' }] : [200, {}];
      });
      const { obstacles } = await remove(removalOf(wanted, { ...also, definitions: true }), objects, never);
      expect(obstacles).toEqual([expect.objectContaining({ where })]);
      expect(asked.filter((request) => request.includes('/customresourcedefinitions/'))).toEqual([]);
    },
  );

  test('no policy goes while the control plane may write it back', async () => {
    const answers = [true, false];
    const { objects, asked } = objectsThat(({ method, path }) => {
      if (method === 'GET') return [200, there(path)];
      return [200, method === 'POST' ? { status: { allowed: answers.shift() } } : {}];
    });
    await remove(removalOf(wanted, also), objects, never);
    expect(answers).toEqual([]);
    const first = (text: string) => asked.findIndex((request) => request.includes(text));
    const last = (text: string) => asked.findLastIndex((request) => request.includes(text));
    expect(last('webhookconfigurations/')).toBeLessThan(first('rolebindings/'));
    expect(last('/subjectaccessreviews')).toBeLessThan(first('/validatingadmissionpolic'));
    expect(last('/statefulsets/')).toBeLessThan(last('/validatingadmissionpolic'));
  });

  test('a right that somebody else gave is told, and so is that nobody knows', async () => {
    const { objects } = objectsThat(({ method, path }) => (method === 'GET' ? [200, there(path)] : [403, {}]));
    expect(await untilPowerless(objects, never)).toContain('is not known: the API server answered 403');
    const given = objectsThat(() => [201, { status: { allowed: true } }]);
    expect(await untilPowerless(given.objects, never, 1)).toContain('by a right of somebody else’s');
  });

  test('who ends a removal waits for nothing more, and is not told what nobody found out', async () => {
    const stop = new AbortController();
    const { objects, asked } = objectsThat(() => {
      stop.abort();
      return [201, { status: { allowed: true } }];
    });
    expect(await untilPowerless(objects, stop.signal)).toContain('is not known: nobody waited for it');
    expect(asked).toHaveLength(1);
  });

  test('anything else that cannot be removed is told, and the rest goes', async () => {
    const { objects } = objectsThat(({ method, path }) => {
      if (method === 'GET') return [200, there(path)];
      return path.includes('/priorityclasses/') ? [500, {}] : [200, {}];
    });
    const going = removalOf(wanted, also);
    const { removed, obstacles } = await remove(going, objects, never);
    expect(obstacles.map(({ where }) => where)).toEqual(['PriorityClass/coffre-critical']);
    expect(removed).toHaveLength(going.length - 1);
  });

  test('what people wrote, and what the keys lie in, goes only where that is said', () => {
    const kinds = (definitions: boolean, namespace: boolean) =>
      new Set(removalOf(wanted, { definitions, namespace }).map(({ kind }) => kind));
    expect(kinds(false, false)).not.toContain('CustomResourceDefinition');
    expect(kinds(false, false)).not.toContain('Namespace');
    expect(kinds(true, false)).toContain('CustomResourceDefinition');
    expect(kinds(false, true)).toContain('Namespace');
  });
});

test('a long list is read page by page, and a refusal in the middle is one of the whole', async () => {
  const client = (second: number) => ({
    async get(path: string) {
      const isFirst = !path.includes('continue=');
      const name = isFirst ? 'a' : 'b';
      const page = { items: [{ metadata: { name } }], metadata: isFirst ? { continue: 'more & more' } : {} };
      return { status: isFirst ? 200 : second, retryAfterMs: undefined, body: bytesOf(page) };
    },
  });
  const { signal } = new AbortController();
  const whole = await listObjects(client(200), '/api/v1/pods', signal);
  expect(whole).toEqual([{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }]);
  expect(await listObjects(client(410), '/api/v1/pods', signal)).toBe(410);
});

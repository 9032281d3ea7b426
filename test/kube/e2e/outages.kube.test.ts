/** What becomes of traffic while the pods of Coffre die, and of everything when all of it does. */
import { beforeAll, expect, test, vi } from 'vitest';
import type { PodObject } from '../kubelet/pod-spec.ts';
import { application, whereInstalled } from './installed.ts';
import { answersIn, lostOf, trafficPod } from './traffic.ts';

/** Between two requests of each of the two clients, in ms: 200 a second together. */
const periodMs = 10;
/** Least that is answered in a second while something is killed: what the last ones are still waiting for is left out. */
const perSecondMin = 190;
/** Longest wait for what comes by itself, in ms: a bound of a loaded machine. */
const soonMs = 90_000;

whereInstalled('a mesh', ({ cluster, kubectl, apply, untilReady, newTenant, ask }) => {
  beforeAll(async () => {
    await newTenant('shop', ...application('shop', 'api'), ...application('shop', 'web'));
    await untilReady('shop/api', 'shop/web');
    await vi.waitFor(async () => expect((await ask('shop/web', 'http://api.shop.svc/')).status).toBe(200), {
      timeout: soonMs,
    });
  });

  const podsOf = async (name: string) => {
    const listed = ['get', 'pods', '-n', 'coffre-system', '-l', `app.kubernetes.io/name=${name}`, '-o', 'json'];
    const { items } = JSON.parse(await kubectl(listed)) as { items: readonly Pick<PodObject, 'metadata'>[] };
    return items.map(({ metadata }) => metadata);
  };
  const logOf = (pod: string, container: string) => cluster().kubelet().container(pod, container).log();

  /** Two pods, all of them ready, none of them the one that is gone. */
  async function untilReplaced(name: string, goneUid?: string): Promise<readonly string[]> {
    await vi.waitFor(
      async () => {
        const uids = (await podsOf(name)).map(({ uid }) => uid);
        expect(uids).toHaveLength(2);
        expect(uids).not.toContain(goneUid);
      },
      { timeout: soonMs, interval: 100 },
    );
    const pods = (await podsOf(name)).map((pod) => `coffre-system/${pod.name}`);
    await untilReady(...pods);
    return pods;
  }

  test('loses no request for want of a replica or a worker while each of them is killed in turn', async () => {
    await apply(trafficPod(periodMs));
    await untilReady('shop/traffic');
    const answers = () => answersIn(logOf('shop/traffic', 'app'));
    await vi.waitFor(() => expect(answers().length).toBeGreaterThan(perSecondMin), { timeout: soonMs });
    const beganAtMs = performance.now();
    const before = answers().length;
    const kills: string[] = [];
    for (const name of ['coffre', 'coffre-authz']) {
      for (const { name: pod, uid } of await podsOf(name)) {
        kills.push(`${pod} after ${answers().length} requests`);
        cluster().kubelet().kill(`coffre-system/${pod}`);
        await kubectl(['delete', 'pod', pod, '-n', 'coffre-system', '--force', '--grace-period=0']);
        const pods = await untilReplaced(name, uid);
        // Sidecars have heard of a worker when they ask it.
        if (name === 'coffre') continue;
        const judged = () => expect(pods.map((each) => logOf(each, name).includes('"verdict"'))).toEqual([true, true]);
        await vi.waitFor(judged, { timeout: soonMs });
      }
    }
    const seconds = (performance.now() - beganAtMs) / 1_000;
    const all = answers();
    await kubectl(['delete', 'pod', 'traffic', '-n', 'shop', '--force', '--grace-period=0']);
    const lost = lostOf(all);
    console.info(
      `${all.length - before} requests in ${seconds.toFixed(0)} s, ${lost.length} lost; ${kills.join(', ')}`,
    );
    expect(lost).toEqual([]);
    expect(all.length - before).toBeGreaterThan(perSecondMin * seconds);
  });

  test('FLT-22 comes back by itself when everything was killed at once, the API server as well', async () => {
    // New ones must be let in by an API server whose webhooks nobody answers.
    await kubectl(['delete', 'pods', '--all', '-n', 'coffre-system', '--force', '--grace-period=0']);
    await cluster().restartEverything();
    await untilReplaced('coffre');
    await untilReplaced('coffre-authz');
    await untilReady('shop/api', 'shop/web');
    await vi.waitFor(async () => expect((await ask('shop/web', 'http://api.shop.svc/')).status).toBe(200), {
      timeout: soonMs,
    });
    // And who was not there before is let in: the webhooks answer again, and the API server has found our kinds again,
    // without which its own admission policies refuse every pod.
    await vi.waitFor(() => apply(...application('shop', 'late')), { timeout: soonMs, interval: 500 });
    await untilReady('shop/late');
    expect((await ask('shop/late', 'http://api.shop.svc/')).status).toBe(200);
  });
});

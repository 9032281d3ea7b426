/**
 * The API server alone is away, as when a cluster's own control plane is upgraded: what is in force stays in force.
 *
 *   shop   traffic, web ─▶ api     api ─TCP─▶ web
 *   bank   teller ─▶ shop/api by a Grant
 *   park   guest ─▶ shop/api, refused until the API server is back and takes a Grant
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test, vi } from 'vitest';
import { sidecarName } from '../../../src/kube/inject/names.ts';
import type { Outage } from '../harness/start-kube.ts';
import type { PodObject } from '../kubelet/pod-spec.ts';
import { application, whereInstalled } from './installed.ts';
import { answersIn, lostOf, trafficPod } from './traffic.ts';

/** How long it is away, in ms: longer than a leader's term, and than the watches of whoever waits for its answer. */
const awayMs: Readonly<Record<Outage, number>> = { stopped: 25_000, stalled: 15_000 };
/** How long a connection is watched beyond that, in s: until the API server has come back and more. */
const beyondSeconds = 15;
/** Between two requests of each of the two clients, in ms. */
const periodMs = 20;
/** Between two rounds of questions, in ms. */
const roundMs = 500;
/** Longest wait for an answer about readiness, in ms. */
const readyMaxMs = 5_000;
/** Longest until a Grant is in force after the API server is back, in ms: the longest pause between two tries, and a loaded machine. */
const backMaxMs = 60_000;
const api = 'http://api.shop.svc/';
const sidecars = ['shop/api', 'shop/web', 'shop/traffic', 'bank/teller', 'park/guest'];
/** Of what a proxy was sent, of the endpoints that it has, and of the connections by which it is sent. */
const sentStatistics =
  '(lds|cds|rds|^cluster)\\.(.*\\.)?(update_(success|rejected)|membership_total)|^cluster\\.coffre-xds\\.upstream_cx_total|connected_state';
/** Some that every proxy has, so that none is equal for want of an answer. */
const sentAtLeast = [
  /lds\.update_success: [1-9]/,
  /cds\.update_success: [1-9]/,
  /connected_state: 1/,
  /membership_total: [1-9]/,
];

whereInstalled('while the API server is away', ({ cluster, kubectl, apply, untilReady, newTenant, ask }) => {
  beforeAll(async () => {
    const streams = { args: ['--service', 'web', '--listen', 'http:8080', '--listen', 'tcp:5432'] };
    const ports = [{ containerPort: 8_080 }, { containerPort: 5_432 }];
    await newTenant('shop', ...application('shop', 'api'), ...application('shop', 'web', { ...streams, ports }));
    await newTenant('bank', ...application('bank', 'teller'));
    await newTenant('park', ...application('park', 'guest'));
    await apply(chat, grantTo('bank'), trafficPod(periodMs));
    await untilReady(...sidecars);
    await vi.waitFor(async () => expect(await statusOf('bank/teller')).toBe(200), { timeout: backMaxMs });
    await vi.waitFor(() => expect(answers().length).toBeGreaterThan(100), { timeout: backMaxMs });
  });

  const statusOf = async (pod: string) => (await ask(pod, api)).status;
  const answers = () => answersIn(cluster().kubelet().container('shop/traffic', 'app').log());

  /** What a proxy was sent until now: one line a statistic. */
  const sentTo = async (pod: string) => {
    const url = `http://envoy/stats?filter=${encodeURIComponent(sentStatistics)}`;
    const argv = ['curl', '-sg', '--unix-socket', '/var/run/coffre/run/admin.sock', url];
    const { stdout } = await cluster().kubelet().container(pod, sidecarName).exec(argv);
    for (const each of sentAtLeast) expect(stdout, pod).toMatch(each);
    return `${pod}\n${stdout}`;
  };
  /** Lists and clusters of all of them, once nothing is on its way any more. */
  async function settled(): Promise<readonly string[]> {
    let before: readonly string[] = [];
    await vi.waitFor(
      async () => {
        const [last, now] = [before, await Promise.all(sidecars.map(sentTo))];
        before = now;
        expect(now).toEqual(last);
      },
      { timeout: backMaxMs, interval: 3_000 },
    );
    return before;
  }

  /** Where each pod of the mesh itself is asked whether it is ready. */
  async function readinessUrls(): Promise<readonly string[]> {
    const { items } = JSON.parse(await kubectl(['get', 'pods', '-n', 'coffre-system', '-o', 'json'])) as {
      items: readonly (PodObject & { readonly status: { readonly podIP: string } })[];
    };
    return items.flatMap(({ spec, status }) => {
      const ports = spec.containers.flatMap(({ ports = [] }) => ports);
      const health = ports.find(({ name }) => name === 'health');
      return health === undefined ? [] : [`http://${status.podIP}:${health.containerPort}/ready`];
    });
  }

  /** One TCP connection through both sidecars, by which something is said and echoed each second. @returns how it ended. */
  async function converse(seconds: number): Promise<string> {
    const script = `exec 3<>/dev/tcp/chat.shop.svc/5432 && read -r -t 5 -u 3 && for each in $(seq ${seconds}); do
      echo $each >&3; read -r -t 5 -u 3 said; [ "$said" = $each ] || { echo "ended at $each"; exit 1; }; sleep 1
    done && echo whole`;
    const argv = ['bash', '-c', script];
    const maxMs = (seconds + beyondSeconds) * 4_000;
    const { stdout, stderr } = await cluster().kubelet().container('shop/api', 'app').exec(argv, maxMs);
    return `${stdout}${stderr}`.trim();
  }

  const restarts = () =>
    kubectl([
      ...['get', 'pods', '-n', 'coffre-system', '-o'],
      'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}',
    ]);

  test.each([
    ['FLT-17 stopped', 'stopped'],
    ['FLT-20 slow beyond any patience', 'stalled'],
  ] as const)(
    '%s: nothing is lost, closed, opened or taken for deleted; then a Grant opens what was closed',
    async (_name, how) => {
      const [urls, sent, pods, asked] = [await readinessUrls(), await settled(), await restarts(), answers().length];
      expect(urls).toHaveLength(4);
      expect(await statusOf('park/guest')).not.toBe(200);
      const told = { unready: [] as string[], closed: [] as number[], opened: [] as number[] };
      const conversation = converse(awayMs[how] / 1_000 + beyondSeconds);
      let rounds = 0;
      await cluster().withoutApiServer(how, async () => {
        const sinceMs = performance.now();
        for (; performance.now() < sinceMs + awayMs[how]; rounds += 1) {
          for (const url of urls) {
            const status = await readiness(url);
            if (status !== '200') told.unready.push(`${url} ${status}`);
          }
          const [granted, refused] = await Promise.all([statusOf('bank/teller'), statusOf('park/guest')]);
          if (granted !== 200) told.closed.push(granted);
          if (refused === 200) told.opened.push(refused);
          await sleep(roundMs);
        }
        expect(await Promise.all(sidecars.map(sentTo))).toEqual(sent);
      });
      const backAtMs = performance.now();
      expect(told).toEqual({ unready: [], closed: [], opened: [] });
      expect(rounds).toBeGreaterThan(awayMs[how] / readyMaxMs);

      await apply(grantTo('park'));
      await vi.waitFor(async () => expect(await statusOf('park/guest')).toBe(200), {
        timeout: backMaxMs,
        interval: 100,
      });
      const openedMs = performance.now() - backAtMs;
      const programmed = 'jsonpath={.status.conditions[?(@.type=="Programmed")].status}';
      const phase = () => kubectl(['get', 'grant', 'park', '-n', 'shop', '-o', programmed]);
      await vi.waitFor(async () => expect(await phase()).toBe('True'), { timeout: backMaxMs, interval: 200 });
      const writtenMs = performance.now() - backAtMs;
      expect(await conversation).toBe('whole');
      const all = answers().slice(asked);
      console.info(
        `${how}: ${all.length} requests, ${lostOf(all).length} lost, ${rounds} rounds; ` +
          `the Grant was in force after ${openedMs.toFixed(0)} ms and its status written after ${writtenMs.toFixed(0)} ms`,
      );
      expect(lostOf(all)).toEqual([]);
      expect(all.length).toBeGreaterThan(awayMs[how] / periodMs);
      expect(await restarts()).toBe(pods);

      await kubectl(['delete', 'grant', 'park', '-n', 'shop']);
      await vi.waitFor(async () => expect(await statusOf('park/guest')).not.toBe(200), { timeout: backMaxMs });
    },
  );
});

/** Never rejects: who does not answer has not said 200. */
async function readiness(url: string): Promise<string> {
  return fetch(url, { signal: AbortSignal.timeout(readyMaxMs) }).then(({ status }) => String(status), String);
}

const chat = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'chat', namespace: 'shop' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'tcp', port: 5_432 }] },
};

function grantTo(tenant: string): object {
  const spec = { from: { tenant }, to: { service: 'api' }, reason: 'they order by it' };
  return { apiVersion: 'coffre.dev/v1alpha1', kind: 'Grant', metadata: { name: tenant, namespace: 'shop' }, spec };
}

/** Proxies that eject as Envoy does, seen by looking at them: when, how often, and what is told. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AccessLogEntry } from '../../../src/evidence/access-log/access-log-entry.ts';
import { clustersPath, ejectedHosts } from '../../../src/evidence/access-log/ejected-hosts.ts';
import { settleMs } from '../../../src/evidence/access-log/ejection-state.ts';
import { EjectionWatch } from '../../../src/evidence/access-log/ejection-watch.io.ts';
import type { LoggedEntry } from '../../../src/evidence/access-log/event-of-record.ts';
import { lossWindowMs } from '../../../src/evidence/access-log/loss-tally.ts';
import type { EjectionEvent, LossEvent } from '../../../src/evidence/event.ts';
import { TestClock } from '../../xds/test-clock.ts';

const web = 'shop/web-0';
const cluster = 'shop/api/80';

/** What `/clusters` says of one cluster: its endpoints by address, and whether each is ejected. */
function clusters(hosts: Readonly<Record<string, boolean>>): string {
  return JSON.stringify({
    cluster_statuses: [
      { name: 'coffre-xds', added_via_api: false },
      {
        name: cluster,
        host_statuses: Object.entries(hosts).map(([address, ejected]) => ({
          address: { socket_address: { address, port_value: 8_080 } },
          health_status: { eds_health_status: 'HEALTHY', ...(ejected ? { failed_outlier_check: true } : {}) },
        })),
      },
    ],
  });
}

let clock: TestClock;
let watch: EjectionWatch;
let events: (EjectionEvent | LossEvent)[];
/** Who was looked at, when, in ms since the start. */
let looks: [proxy: string, atMs: number][];
let answer: string | undefined;
let startMs: number;

beforeEach(() => {
  clock = new TestClock();
  startMs = clock.nowMs();
  events = [];
  looks = [];
  answer = clusters({ '10.0.0.1': false, '10.0.0.2': false });
  watch = new EjectionWatch({
    clock,
    directory: {
      workloadAt: (host) => (host === '10.0.0.1' ? 'shop/api-0' : undefined),
      spiffeIdOf: () => 'spiffe://web',
    },
    read: async (proxy, path) => {
      expect(path).toBe(clustersPath);
      looks.push([proxy, clock.nowMs() - startMs]);
      return answer;
    },
    record: (event) => void events.push(event),
  });
});

function entry(more: Partial<LoggedEntry> = {}): LoggedEntry {
  const nothing: AccessLogEntry = {
    protocol: 'http',
    moment: 'end',
    startedAt: '0.000000000',
    durationMs: 0,
    downstream: undefined,
    local: undefined,
    upstream: undefined,
    cluster,
    route: '',
    flags: [],
    sni: '',
    certificateUris: [],
    status: 503,
    grpcStatus: '',
    details: '',
    termination: '',
    transportFailure: '',
    streamId: '',
    request: undefined,
    tags: new Map(),
    metadata: new Map(),
  };
  return { ...nothing, proxy: web, log: 'outbound-http', atMs: 0, ...more };
}

/** Second by second, so that each look is answered before the next. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1_000);
    await Promise.resolve();
    await Promise.resolve();
  }
}

describe('where nothing fails at an upstream', () => {
  const well: readonly [what: string, entry: LoggedEntry][] = [
    ['a request that was answered', entry({ status: 200 })],
    ['one that the application found wanting', entry({ status: 404 })],
    ['a refusal of who came in', entry({ log: 'inbound-http', status: 503 })],
    ['a port that nothing listens on', entry({ log: 'outbound-listener', status: 0, flags: ['NR'] })],
  ];
  test.each(well)('%s is no reason to look, and sets no timer', (_, logged) => {
    watch.heard(logged);
    expect(clock.armed).toBe(0);
  });
});

describe('where something fails', () => {
  const ill: readonly [what: string, entry: LoggedEntry][] = [
    ['a status of 500', entry({ status: 500 })],
    ['an overflow', entry({ status: 0, flags: ['UO'] })],
    ['a connection that failed', entry({ log: 'opaque-edge', protocol: 'tcp', status: 0, flags: ['UF', 'URX'] })],
  ];
  test.each(ill)('%s is a reason to look', (_, logged) => {
    watch.heard(logged);
    expect(clock.armed).toBe(1);
  });

  test('a proxy is looked at once a second however much fails, and no more once it has been well for a while', async () => {
    for (let count = 0; count < 100; count++) watch.heard(entry());
    await pass(1);
    watch.heard(entry());
    await pass(60);
    const wanted = settleMs / 1_000 + 1;
    expect(looks).toEqual(Array.from({ length: wanted }, (_, second) => [web, (second + 1) * 1_000]));
    expect(clock.armed).toBe(0);
    expect(events).toEqual([]);
  });

  test('an endpoint that is ejected, and one that returns, is told once each', async () => {
    watch.heard(entry());
    answer = clusters({ '10.0.0.1': true, '10.0.0.2': false });
    await pass(40);
    const told = { kind: 'ejection', tenant: 'shop', workload: web, from: { workload: web, identity: 'spiffe://web' } };
    const to = { address: '10.0.0.1:8080', port: 8_080, cluster, workload: 'shop/api-0' };
    expect(events).toEqual([{ ...told, id: expect.stringMatching(/^e:/), atMs: startMs + 1_000, what: 'ejected', to }]);
    answer = clusters({ '10.0.0.1': false, '10.0.0.2': false });
    await pass(2);
    expect(events.slice(1)).toMatchObject([{ ...told, atMs: startMs + 41_000, what: 'returned', to }]);
    expect(events[0]?.id).not.toBe(events[1]?.id);
    expect(clock.armed).toBe(0);
  });

  test('an endpoint that is removed while it is ejected did not return', async () => {
    watch.heard(entry());
    answer = clusters({ '10.0.0.1': true, '10.0.0.2': false });
    await pass(1);
    answer = clusters({ '10.0.0.2': false });
    await pass(60);
    expect(events).toMatchObject([{ what: 'ejected' }]);
    expect(clock.armed).toBe(0);
  });

  test('a look that nobody answers changes nothing', async () => {
    watch.heard(entry());
    answer = clusters({ '10.0.0.1': true });
    await pass(1);
    answer = undefined;
    await pass(10);
    answer = clusters({ '10.0.0.1': true });
    await pass(10);
    expect(events).toMatchObject([{ what: 'ejected' }]);
  });

  test('a proxy that never answers is given up, and what was ejected there is told as lost', async () => {
    watch.heard(entry());
    answer = clusters({ '10.0.0.1': true, '10.0.0.2': true });
    await pass(1);
    answer = 'no JSON';
    await pass(30);
    expect(looks).toHaveLength(31);
    clock.advance(lossWindowMs);
    expect(events.slice(2)).toMatchObject([
      { kind: 'loss', where: 'ejection watch', count: 2, tenant: 'coffre-system' },
    ]);
    expect(clock.armed).toBe(0);
  });

  test('more proxies at once than can be watched are counted, and told once', async () => {
    for (let count = 0; count < 300; count++) watch.heard(entry({ proxy: `shop/web-${count}` }));
    clock.advance(lossWindowMs);
    expect(events).toMatchObject([{ kind: 'loss', where: 'ejection watch', count: 44 }]);
  });

  test('a watch that was stopped looks at nobody, and a look under way tells nothing', async () => {
    watch.heard(entry());
    answer = clusters({ '10.0.0.1': true });
    clock.advance(1_000);
    watch.stop();
    await pass(5);
    expect(looks).toHaveLength(1);
    expect(events).toEqual([]);
    expect(clock.armed).toBe(0);
  });
});

describe('the answer of a proxy', () => {
  test('of any kind is read or refused, and never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void ejectedHosts(text)));
    const status = fc.record({ address: fc.anything(), health_status: fc.anything() });
    fc.assert(
      fc.property(fc.array(fc.record({ name: fc.anything(), host_statuses: fc.array(status) })), (cluster_statuses) => {
        const text = JSON.stringify({ cluster_statuses }, (_, value) => (typeof value === 'bigint' ? 0 : value));
        expect(ejectedHosts(text)?.ejected.size).toBe(0);
      }),
    );
  });

  test('is read up to a bound of ejected endpoints, and ports are ports', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`10.0.1.${index}`, true]));
    expect(ejectedHosts(clusters(many))?.ejected.size).toBe(200);
    expect(ejectedHosts(clusters({ a: true }).replace('8080', '-1'))?.ejected.size).toBe(0);
  });
});

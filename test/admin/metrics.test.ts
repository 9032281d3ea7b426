/** What a scraper is given, and to whom what is refused. */
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../src/admin/methods.ts';
import { createScrapeAnswers, type ScrapePorts } from '../../src/admin/metrics.ts';
import type { Role, Scope } from '../../src/admin/person.ts';
import type { Reading } from '../../src/inspect/proxy-door.io.ts';
import { meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const mesh = meshFrom(twoTenants);
const wholeMesh: Scope = { kind: 'mesh' };
const atelier: Scope = { kind: 'tenant', tenant: 'atelier' };
const host = 'coffre.example:15014';

function caller(role: Role, scope: Scope = wholeMesh): Caller {
  return { kind: 'person', person: { trustDomain, role, scope, name: 'prometheus' } };
}

function answers(
  read: (proxy: string, path: string) => Promise<Reading> = async () => ({ kind: 'read', text: 'x 1\n' }),
) {
  const ports: ScrapePorts = {
    view: () => ({ ready: true, snapshot: mesh, xds: '', clients: [], certificateOf: () => undefined }),
    proxies: () => ({ eyes: { read }, sent: () => undefined }),
    metrics: { contentType: 'text/plain', text: async () => 'coffre_up 1\n' },
  };
  return createScrapeAnswers(ports);
}

describe('who may scrape', () => {
  test.each<readonly [Role, boolean]>([
    ['scraper', true],
    ['viewer', true],
    ['operator', true],
    ['auditor', false],
    ['game-master', false],
    ['alerter', false],
  ])('%s: %s', async (role, may) => {
    for (const path of ['/metrics', '/metrics/targets', '/metrics/proxies/atelier/web-1']) {
      expect(await answers()(path, caller(role), host)).toMatchObject({ kind: may ? 'scraped' : 'role' });
    }
  });

  test('the owner of the state folder may', async () => {
    expect(await answers()('/metrics', { kind: 'owner' }, host)).toMatchObject({ kind: 'scraped' });
  });
});

describe('a scraper of one tenant', () => {
  const scraper = caller('scraper', atelier);

  test('is not given the numbers of the mesh', async () => {
    expect(await answers()('/metrics', scraper, host)).toMatchObject({ kind: 'role' });
  });

  test('SEC-41 finds its own sidecars, and no name of another tenant', async () => {
    const scraped = await answers()('/metrics/targets', scraper, host);
    const body = scraped?.kind === 'scraped' ? scraped.body : '';
    expect(body).toContain('/metrics/proxies/atelier/web-1');
    expect(body).not.toContain('notaire');
    expect(body).not.toContain('control-plane');
  });

  test('is told of another tenant’s sidecar what it is told of one that is not there', async () => {
    const told = async (workload: string) => {
      const scraped = await answers()(`/metrics/proxies/${workload}`, scraper, host);
      return JSON.stringify(scraped).replace(workload, 'W');
    };
    expect(await told('notaire/api-1')).toBe(await told('notaire/nobody'));
    expect(await told('notaire/api-1')).toContain('not-found');
  });
});

test('targets are as Prometheus takes them: this door, once for itself and once for each sidecar', async () => {
  const scraped = await answers()('/metrics/targets', caller('scraper'), host);
  if (scraped?.kind !== 'scraped') throw new Error('nothing was scraped');
  expect(scraped.contentType).toBe('application/json');
  const groups: { labels: Record<string, string> }[] = JSON.parse(scraped.body);
  expect(groups).toHaveLength(1 + mesh.workloads.size);
  expect(groups[0]).toEqual({
    targets: [host],
    labels: { __scheme__: 'https', __metrics_path__: '/metrics', job: 'coffre-control-plane' },
  });
  expect(groups.map(({ labels }) => labels['instance'])).toContain('atelier/web-1');
});

test('a sidecar is asked for its statistics as Prometheus reads them, and they pass as they are', async () => {
  const asked: string[] = [];
  const scrape = answers(async (proxy, path) => {
    asked.push(`${proxy} ${path}`);
    return { kind: 'read', text: 'envoy_server_live 1\n' };
  });
  expect(await scrape('/metrics/proxies/atelier/web-1', caller('scraper'), host)).toMatchObject({
    ...{ kind: 'scraped', body: 'envoy_server_live 1\n' },
  });
  expect(asked).toEqual(['atelier/web-1 /stats?format=prometheus']);
});

test.each<readonly [string, Reading]>([
  ['answered 503', { kind: 'refused', status: 503 }],
  ['connect timed out', { kind: 'unreachable', why: 'connect timed out' }],
  ['tells too much', { kind: 'read', text: 'x'.repeat(16 * 1_024 * 1_024 + 1) }],
])('a sidecar that cannot be read is told: %s', async (why, reading) => {
  const scraped = await answers(async () => reading)('/metrics/proxies/atelier/web-1', caller('scraper'), host);
  expect(scraped).toMatchObject({ kind: 'unreachable', message: expect.stringContaining(why) });
});

test('so many sidecars are asked at a time, and one more is told to wait', async () => {
  const release: (() => void)[] = [];
  const scrape = answers(() => new Promise((answered) => release.push(() => answered({ kind: 'read', text: '' }))));
  const one = () => scrape('/metrics/proxies/atelier/web-1', caller('scraper'), host);
  const under = Array.from({ length: 16 }, one);
  expect(await one()).toMatchObject({ kind: 'busy' });
  for (const go of release) go();
  await Promise.all(under);
  const next = one();
  release.at(-1)?.();
  expect(await next).toMatchObject({ kind: 'scraped' });
});

test.each(['/', '/metrics/', '/metrics?x', '/metrics/proxies/atelier', '/metrics/proxies/../root/x', '/v1/status'])(
  'there is nothing at %s',
  async (path) => {
    expect(await answers()(path, caller('scraper'), host)).toBeUndefined();
  },
);

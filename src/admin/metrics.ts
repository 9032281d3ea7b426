/**
 * What a scraper is given: the control plane's own numbers, whom to scrape, and each sidecar's statistics, passed through.
 *
 *   GET /metrics                       this control plane, Prometheus text
 *   GET /metrics/targets               Prometheus HTTP service discovery: this door, once for each of the two others
 *   GET /metrics/proxies/<ns>/<pod>    the sidecar's own `/stats`, asked for over its inspection door
 *
 * Numbers of the whole mesh are for those who see the whole mesh; a tenant's scraper finds its own sidecars and no sign of
 * others. What a sidecar says passes through unread: it may be anybody's by now, so it is bounded, and whoever scrapes
 * sets a limit on samples.
 */
import type { ManagementPorts } from './answer.ts';
import type { Caller } from './methods.ts';
import { notReady } from './not-ready.ts';
import { type Role, type Scope, sees } from './person.ts';

/** Sidecars that are asked at a time for a scraper: the door has people to serve as well. */
const proxyScrapesMax = 16;
/** Longest text of a sidecar, in bytes. A sidecar with a thousand clusters tells 8 MB. */
const proxyTextBytesMax = 16 * 1_024 * 1_024;
/** Longest wait for a sidecar, in ms: Prometheus gives up after 10 s. */
const proxyScrapeMs = 8_000;

/** The same numbers as `/stats/prometheus`, by the one path that an inspection door answers. */
const prometheusStats = '/stats?format=prometheus';

const scrapers: readonly Role[] = ['scraper', 'viewer', 'operator'];

export interface ScrapePorts extends Pick<ManagementPorts, 'view' | 'proxies'> {
  /** Of this process, and how it is written; absent where nothing is measured. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> };
}

export type Scraped =
  | { readonly kind: 'scraped'; readonly contentType: string; readonly body: string }
  | {
      readonly kind: 'role' | 'not-found' | 'not-ready' | 'unreachable' | 'busy';
      readonly message: string;
      readonly advice: string;
    };

/**
 * @param path of the request, hostile.
 * @param host as the scraper calls this door; what it is told to scrape.
 * @returns undefined where it is none of the three paths.
 */
export function createScrapeAnswers(ports: ScrapePorts) {
  let underWay = 0;
  return async (path: string, caller: Caller, host: string): Promise<Scraped | undefined> => {
    const proxy = /^\/metrics\/proxies\/([a-z0-9-]{1,63}\/[a-z0-9.-]{1,253})$/.exec(path)?.[1];
    if (path !== '/metrics' && path !== '/metrics/targets' && proxy === undefined) return undefined;
    if (caller.kind === 'person' && !scrapers.includes(caller.person.role)) return notFor(caller.person);
    const scope: Scope = caller.kind === 'owner' ? { kind: 'mesh' } : caller.person.scope;
    if (path === '/metrics') return ownMetrics(ports, scope);
    if (proxy === undefined) return targets(ports, scope, host);
    if (underWay >= proxyScrapesMax) return busy;
    underWay++;
    return proxyMetrics(ports, scope, proxy).finally(() => underWay--);
  };
}

async function ownMetrics({ metrics }: ScrapePorts, scope: Scope): Promise<Scraped> {
  if (scope.kind === 'tenant') {
    return {
      kind: 'role',
      message: `these are numbers of the whole mesh, and you see tenant \`${scope.tenant}\``,
      advice: 'scrape what `/metrics/targets` names: your own sidecars',
    };
  }
  if (metrics === undefined)
    return { kind: 'not-found', message: 'nothing is measured here', advice: 'look at its log' };
  return { kind: 'scraped', contentType: metrics.contentType, body: await metrics.text() };
}

/** Source: Prometheus, "HTTP service discovery". Sidecars that are down are among them: that is what `up` is for. */
function targets(ports: ScrapePorts, scope: Scope, host: string): Scraped {
  const { snapshot } = ports.view();
  if (snapshot === undefined) return notReady;
  const sidecars = [...snapshot.workloads.values()].filter(({ tenant }) => sees(scope, tenant));
  const groups = [
    ...(scope.kind === 'mesh' ? [target(host, '/metrics', { job: 'coffre-control-plane' })] : []),
    ...sidecars.map(({ key, tenant, name }) =>
      target(host, `/metrics/proxies/${key}`, { job: 'coffre-sidecar', instance: key, namespace: tenant, pod: name }),
    ),
  ];
  return { kind: 'scraped', contentType: 'application/json', body: `${JSON.stringify(groups)}\n` };
}

function target(host: string, path: string, labels: Readonly<Record<string, string>>) {
  return { targets: [host], labels: { __scheme__: 'https', __metrics_path__: path, ...labels } };
}

async function proxyMetrics(ports: ScrapePorts, scope: Scope, workload: string): Promise<Scraped> {
  const [{ snapshot }, proxies] = [ports.view(), ports.proxies()];
  if (snapshot === undefined || proxies === undefined) return notReady;
  const known = snapshot.workloads.get(workload);
  if (known === undefined || !sees(scope, known.tenant)) {
    return {
      kind: 'not-found',
      message: `there is no workload \`${workload}\``,
      advice: '`/metrics/targets` names those that you may scrape',
    };
  }
  const reading = await proxies.eyes.read(workload, prometheusStats, AbortSignal.timeout(proxyScrapeMs));
  switch (reading.kind) {
    case 'read':
      // Its length is at least that of its characters, and nobody measures text twice.
      return reading.text.length > proxyTextBytesMax
        ? {
            kind: 'unreachable',
            message: `\`${workload}\` tells too much`,
            advice: `at most ${proxyTextBytesMax} bytes pass`,
          }
        : { kind: 'scraped', contentType: 'text/plain; version=0.0.4; charset=utf-8', body: reading.text };
    case 'refused':
      return unreachable(workload, `it answered ${reading.status}`);
    case 'unreachable':
      return unreachable(workload, reading.why);
  }
}

function unreachable(workload: string, why: string): Scraped {
  return {
    kind: 'unreachable',
    message: `the sidecar of \`${workload}\` could not be asked (${why})`,
    advice: '`coffre proxy status` says whether it is connected',
  };
}

function notFor({ name, role }: { readonly name: string; readonly role: Role }): Scraped {
  return {
    kind: 'role',
    message: `\`${name}\` is ${role} and metrics are for ${scrapers.join(', ')}`,
    advice: 'ask the owner of the state folder for a certificate: `coffre admin issue --role scraper`',
  };
}

const busy: Scraped = {
  kind: 'busy',
  message: `${proxyScrapesMax} sidecars are being asked already`,
  advice: 'scrape less often, or let the scraper ask the sidecars themselves',
};

/** What a real Envoy's list of clusters says of an endpoint that it ejects, and how we read it. */
import { once } from 'node:events';
import { createServer, get, type RequestOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { clustersPath, ejectedHosts } from '../../src/evidence/access-log/ejected-hosts.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { startEnvoy } from './static-envoy.ts';

const cluster = 'shop/api/80';

function ask(options: RequestOptions): Promise<string> {
  return new Promise((answered, failed) => {
    get(options, (response) => text(response).then(answered, failed)).on('error', failed);
  });
}

test('an endpoint that answers 500 is ejected, and returns when its time is over', async () => {
  const folder = await temporaryFolder();
  const [admin, listener] = [join(folder, 'admin.sock'), join(folder, 'http.sock')];
  const application = createServer((_, response) => void response.writeHead(500).end()).listen(0, '127.0.0.1');
  onTestFinished(() => void application.close());
  await once(application, 'listening');
  const { port } = application.address() as AddressInfo;
  const envoy = await startEnvoy(folder, bootstrap(admin, listener, port));
  onTestFinished(() => envoy.stop());

  const hosts = async () => ejectedHosts(await ask({ socketPath: admin, path: clustersPath }));
  expect((await hosts())?.ejected.size).toBe(0);
  await ask({ socketPath: listener, path: '/' });
  const wanted = { cluster, address: '127.0.0.1', port };
  await expect.poll(async () => [...((await hosts())?.ejected.values() ?? [])]).toEqual([wanted]);
  await expect.poll(async () => (await hosts())?.ejected.size, { timeout: 10_000 }).toBe(0);
  expect((await hosts())?.all.size).toBe(1);
});

/** One endpoint, ejected for a second by its first failure. */
function bootstrap(admin: string, listener: string, port: number): object {
  const route = { match: { prefix: '/' }, route: { cluster } };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'out',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  const filter = { name: 'envoy.filters.network.http_connection_manager', typed_config: manager };
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return {
    admin: { address: { pipe: { path: admin } } },
    static_resources: {
      listeners: [{ name: 'out', address: { pipe: { path: listener } }, filter_chains: [{ filters: [filter] }] }],
      clusters: [
        {
          name: cluster,
          type: 'STATIC',
          load_assignment: { cluster_name: cluster, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
          outlier_detection: {
            consecutive_5xx: 1,
            enforcing_consecutive_5xx: 100,
            interval: '0.2s',
            base_ejection_time: '1s',
            max_ejection_percent: 100,
          },
        },
      ],
    },
  };
}

/**
 * A mesh in a cluster to be drilled: two replicas of the control plane, a caller on each, and the service that both call.
 *
 *   web-0 (replica-0), web-1 (replica-1) ──▶ api-0 (replica-1)          beacon: what no drill breaks
 */
import { createServer, get, type Server } from 'node:http';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube, type User } from '../harness/kube.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { type Pod, Replicas, until } from './replicas.ts';

export const drill = 'shop/breaker';

/** The one consent: of the target's side, and of its callers'. */
export const consentText = `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: game-day, namespace: shop }
spec:
  asTarget: { services: [api], callerTenants: [shop], methods: [openBreaker], maxDuration: 5m, maxPercent: 100 }
  asCaller: { targetTenants: [shop], methods: [openBreaker], maxDuration: 5m, maxPercent: 100 }
`;

function world(replicas: Replicas, beacon: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: mesh.example
  authorization: { mode: dynamicOnly }
  explicit: { outboundRange: ${replicas.at(128, 0)}/17 }
  drills: { secondPersonAbove: { percent: 100, callers: 20 }, probeTargets: ["${beacon}"] }
---
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: shop }
spec: { environment: test }
---
apiVersion: v1
kind: Service
metadata: { name: api, namespace: shop }
spec: { selector: { app: api }, ports: [{ name: http, port: 8080, targetPort: 8080 }] }
---
${consentText}
---
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: breaker, namespace: shop }
spec:
  hypothesis: the callers of api go on
  target: { service: api, port: 8080 }
  method: { openBreaker: {} }
  blastRadius: { callers: [{ tenant: shop, serviceAccounts: [web] }], percent: 100 }
  steadyState: [{ name: beacon, source: { http: { url: "${beacon}/" } }, tolerance: { atLeast: 1 }, interval: 500ms }]
  abortOn: [{ alert: CustomersSuffer }]
  duration: 4m
  observe: 3s
`;
}

export class DrilledMesh {
  readonly kube: Kube;
  readonly replicas: Replicas;
  readonly web: readonly [Pod, Pod];
  readonly #cluster: RunningCluster;
  readonly #servers: readonly Server[];

  static async start(): Promise<DrilledMesh> {
    const cluster = await startKube();
    const kube = connectKube(cluster);
    await installDefinitions(kube);
    const replicas = await Replicas.prepare(kube);
    const beacon = await listen('ok', replicas.at(0, 2), 9_000);
    const application = await listen('orders', replicas.at(65, 20), 8_080);
    for (const name of ['shop', systemNamespace]) await kubectl(kube, ['create', 'namespace', name]);
    await kubectl(kube, ['apply', '-f', '-'], world(replicas, `http://${replicas.at(0, 2)}:9000`));
    await replicas.start();
    const [first, second] = replicas.all;
    await replicas.run(second, 'api-0', 20);
    const web = [
      await replicas.run(first, 'web-0', 10, replicas.at(200, 10)),
      await replicas.run(second, 'web-1', 11, replicas.at(200, 11)),
    ] as const;
    for (const { key, dials } of web) {
      await until(
        `${key} is served`,
        () => answer(dials),
        (said) => said === '200 orders',
      );
    }
    return new DrilledMesh({ kube, replicas, web, cluster, servers: [beacon, application] });
  }

  private constructor(parts: {
    readonly kube: Kube;
    readonly replicas: Replicas;
    readonly web: readonly [Pod, Pod];
    readonly cluster: RunningCluster;
    readonly servers: readonly Server[];
  }) {
    this.kube = parts.kube;
    this.replicas = parts.replicas;
    this.web = parts.web;
    this.#cluster = parts.cluster;
    this.#servers = parts.servers;
  }

  /** @throws over an exit code, with what was said. */
  kubectl(args: readonly string[], input = '', as?: User): Promise<string> {
    return kubectl(this.kube, args, input, as);
  }

  async close(): Promise<void> {
    await this.replicas.close();
    for (const server of this.#servers) server.close();
    await this.kube.close();
    await this.#cluster.stop();
  }
}

export const patience = (timeout: number) => ({ timeout, interval: 100 });

async function kubectl(kube: Kube, args: readonly string[], input = '', as?: User): Promise<string> {
  const { code, stdout, stderr } = await kube.kubectl(args, { input, ...(as === undefined ? {} : { as }) });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function listen(text: string, address: string, port: number): Promise<Server> {
  const server = createServer((_request, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  return server;
}

/** Status and body of one request to where a caller dials. */
export function answer(host = ''): Promise<string> {
  return new Promise((resolve) => {
    const options = { host, port: 8_080, headers: { host: 'api.shop' }, timeout: 5_000 };
    const asked = get(options, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    });
    asked.on('error', (error) => resolve(String(error)));
  });
}

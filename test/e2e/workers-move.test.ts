/**
 * Authorization workers that come and go, as a real Envoy takes it: their endpoints move, and nothing else does.
 *
 *   caller ──▶ sidecar ──▶ first worker        then both, then the second alone        under requests all the while
 *
 * The workers are the test's own, at Unix sockets and in plaintext; the cluster is that of our configuration.
 */
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { allowAnswer } from '../../src/authz/answer.ts';
import { configure } from '../../src/controller/configure.ts';
import { encoded } from '../../src/controller/encode.ts';
import { unixAddress } from '../../src/envoy/address.ts';
import { authzCluster, sniOf } from '../../src/envoy/names.ts';
import { resource } from '../../src/envoy/resource.ts';
import { contentVersion, type Resource, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { platform } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { Callers } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';
import { sendRaw } from './differential/raw-http.ts';
import { tellingAt } from './record-keeper.ts';

const adele = spiffeId('aurore', 'adele');
const showMs = 20_000;
/** A `HealthCheckResponse` that says SERVING. */
const serving = Buffer.from([8, 1]);

const mesh = documents(
  tenant('aurore'),
  pod('aurore', 'adele', '10.1.0.1'),
  service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
);

inLab('authorization workers', () => {
  let callers: Callers;
  let sidecar: OneSidecar;
  let app: Awaited<ReturnType<OneSidecar['startApp']>>;
  let base: ResourceSnapshot;
  const servers: Server[] = [];
  const asked = { first: 0, second: 0 };

  beforeAll(async () => {
    callers = await Callers.issue();
    sidecar = await OneSidecar.start();
    app = await sidecar.startApp('http', ['http:8080']);
    for (const name of ['first', 'second'] as const) await listen(name);
    const { proxies } = configure(meshFrom(mesh), callers.trust, { ...platform, bypass }, 0);
    const configured = proxies.get('aurore/adele-1');
    if (configured === undefined) throw new Error('the sidecar was not configured');
    base = inPlaintext(tellingAt(join(sidecar.lab.dir, 'evidence.sock'), configured));
    await sidecar.publish(reaching('first'));
  }, 60_000);
  afterAll(async () => {
    for (const server of servers) server.forceShutdown();
    await sidecar?.stop();
    callers?.forget();
  });

  async function listen(name: keyof typeof asked): Promise<void> {
    const server = new Server();
    servers.push(server);
    const check = (bytes: Buffer) => {
      asked[name] += 1;
      const request = fromBinary(CheckRequestSchema, bytes).attributes?.request?.http;
      const line = request?.headerMap?.headers.find(({ key }) => key === 'x-request-id');
      return allowAnswer(Buffer.from(line?.rawValue ?? []).toString(), { rule: 'r', revision: 'r1' });
    };
    add(server, '/envoy.service.auth.v3.Authorization/Check', check);
    add(server, '/grpc.health.v1.Health/Check', () => serving);
    const path = join(sidecar.lab.dir, `${name}.sock`);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** The same configuration but for where the workers are. */
  function reaching(...names: readonly (keyof typeof asked)[]): ResourceSnapshot {
    const lbEndpoints = names.map((name) => {
      const address = unixAddress(join(sidecar.lab.dir, `${name}.sock`));
      return { hostIdentifier: { case: 'endpoint' as const, value: { address } } };
    });
    const assignment = create(ClusterLoadAssignmentSchema, { clusterName: authzCluster, endpoints: [{ lbEndpoints }] });
    return replaced(base, encoded(resource(ClusterLoadAssignmentSchema, authzCluster, assignment)));
  }

  const ask = async () => {
    const bytes = 'GET /open HTTP/1.1\r\nHost: callee\r\nConnection: close\r\n\r\n';
    const tls = { servername: sniOf('aurore'), ALPNProtocols: ['http/1.1'] };
    return (await sendRaw({ sidecar, app, port: 8080 }, callers.of(adele), bytes, tls)).answers;
  };
  const statistic = async (name: string) => {
    const text = await sidecar.envoy.admin(`/stats?filter=^${name}$`);
    const [, value] = /: ([0-9]+)/.exec(text) ?? [];
    if (value === undefined) throw new Error(`Envoy counts no \`${name}\``);
    return Number(value);
  };

  test('they come and go under requests: each is answered, and neither cluster nor listener is made anew', async () => {
    const answers: string[] = [];
    const stop = new AbortController();
    const asking = (async () => {
      while (!stop.signal.aborted) answers.push(await ask());
    })();
    await expect.poll(() => asked.first, { timeout: showMs }).toBeGreaterThan(3);
    const settled = ['cluster_manager.cluster_modified', 'listener_manager.listener_modified'];
    const before = await Promise.all(settled.map(statistic));

    await sidecar.publish(reaching('first', 'second'));
    await expect.poll(() => asked.second, { timeout: showMs }).toBeGreaterThan(3);
    expect(await statistic('cluster.coffre-authz.upstream_cx_destroy')).toBe(0);

    await sidecar.publish(reaching('second'));
    const left = asked.first;
    const known = asked.second;
    await expect.poll(() => asked.second, { timeout: showMs }).toBeGreaterThan(known + 10);
    // One may have been under way.
    expect(asked.first - left).toBeLessThanOrEqual(1);

    stop.abort();
    await asking;
    expect(new Set(answers)).toEqual(new Set(['200']));
    expect(await Promise.all(settled.map(statistic))).toEqual(before);
  });
});

function add(server: Server, path: string, answer: (bytes: Buffer) => Buffer): void {
  const same = (bytes: Buffer) => bytes;
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    { only: { path, requestStream: false, responseStream: false, ...codec } },
    {
      only: (
        call: { readonly request: Buffer; readonly metadata: Metadata },
        done: (error: null, bytes: Buffer) => void,
      ) => done(null, answer(call.request)),
    },
  );
}

function inPlaintext(resources: ResourceSnapshot): ResourceSnapshot {
  const held = resources.types.get(typeUrls.cluster)?.get(authzCluster);
  const cluster = held && anyUnpack(fromBinary(AnySchema, held.any), ClusterSchema);
  if (held === undefined || cluster === undefined) throw new Error('nobody is asked for a verdict');
  delete cluster.transportSocket;
  const any = toBinary(AnySchema, anyPack(ClusterSchema, cluster));
  return replaced(resources, { ...held, version: contentVersion(any), any });
}

function replaced(resources: ResourceSnapshot, next: Resource): ResourceSnapshot {
  const listing = new Map([...(resources.types.get(next.typeUrl) ?? []), [next.name, next]]);
  return { ...resources, types: new Map([...resources.types, [next.typeUrl, listing]]) };
}

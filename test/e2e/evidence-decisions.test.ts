/**
 * A request that is judged by a worker, traced, and told: one id, one trace and one reason in everything that comes of it.
 *
 *   caller ──traceparent──▶ sidecar ──▶ worker (gRPC metadata)       sidecar ──OTLP, TLS──▶ collector       ──▶ record
 *
 * Worker and collector are the test's own, at Unix sockets: the clusters are those of our configuration, moved there.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { allowAnswer, denyAnswer } from '../../src/authz/answer.ts';
import { configure } from '../../src/controller/configure.ts';
import { unixAddress } from '../../src/envoy/address.ts';
import { authzCluster, sniOf, tracesCluster } from '../../src/envoy/names.ts';
import { ProxyDoor } from '../../src/inspect/proxy-door.io.ts';
import { statisticsPort } from '../../src/model/ports.ts';
import { contentVersion, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import { platform } from '../fixtures/configured.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { Callers } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';
import { sendPlain, sendRaw } from './differential/raw-http.ts';
import { RecordKeeper, tellingAt } from './record-keeper.ts';

const adele = spiffeId('aurore', 'adele');
const berthe = spiffeId('bastion', 'berthe');
const boris = spiffeId('bastion', 'boris');
const trace = '0af7651916cd43dd8448eb211c80319c';
const facts = { reason: 'no-allow-rule', revision: 'r7' };
/** Longest wait for something to show, in ms: a poll's bound. */
const showMs = 20_000;

const mesh = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: ${trustDomain}
  evidence: { samplePercent: 100 }
  tracing: { collector: { address: 10.9.9.9, serverName: collector.example }, samplePercent: 0 }
  telemetry: { scrapers: [{ namespace: bastion, serviceAccount: berthe }, { namespace: nowhere, serviceAccount: prometheus }] }
`,
  tenant('aurore'),
  tenant('bastion'),
  pod('aurore', 'adele', '10.1.0.1'),
  service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
);

inLab('a judged, traced and told request', () => {
  let callers: Callers;
  let sidecar: OneSidecar;
  let keeper: RecordKeeper;
  let app: Awaited<ReturnType<OneSidecar['startApp']>>;
  const servers: Server[] = [];
  /** What the worker was asked, and what the collector was sent. */
  const asked: { readonly id: string; readonly traceparent: string }[] = [];
  const spans: Buffer[] = [];

  beforeAll(async () => {
    callers = await Callers.issue();
    sidecar = await OneSidecar.start();
    const { dir } = sidecar.lab;
    keeper = await RecordKeeper.listen(`unix:${join(dir, 'evidence.sock')}`);
    app = await sidecar.startApp('http', ['http:8080']);
    const authority = await createTestAuthority();
    const leaf = await authority.issue({ type: 'dns', value: 'collector.example' });
    writeFileSync(join(dir, 'ca.pem'), authority.caPem);
    const tls = ServerCredentials.createSsl(null, [
      { cert_chain: Buffer.from(leaf.certificatePem), private_key: Buffer.from(leaf.keyPem) },
    ]);
    await listen(join(dir, 'worker.sock'), ServerCredentials.createInsecure(), checkPath, (bytes, metadata) => {
      const request = fromBinary(CheckRequestSchema, bytes).attributes?.request?.http;
      const line = request?.headerMap?.headers.find(({ key }) => key === 'x-request-id');
      const id = Buffer.from(line?.rawValue ?? []).toString();
      asked.push({ id, traceparent: String(metadata.get('traceparent')[0]) });
      return request?.path === '/no' ? denyAnswer(id, facts) : allowAnswer(id, { rule: 'r', revision: 'r7' });
    });
    await listen(join(dir, 'collector.sock'), tls, exportPath, (bytes) => {
      spans.push(bytes);
      return Buffer.alloc(0);
    });
    const systemCaFile = join(dir, 'ca.pem');
    const { proxies } = configure(meshFrom(mesh), callers.trust, { ...platform, bypass, systemCaFile }, 0);
    const configured = proxies.get('aurore/adele-1');
    if (configured === undefined) throw new Error('the sidecar was not configured');
    await sidecar.publish(
      moved(tellingAt(join(dir, 'evidence.sock'), configured), (cluster) => {
        if (cluster.name === authzCluster) return inPlaintext(at(cluster, join(dir, 'worker.sock')));
        return cluster.name === tracesCluster ? at(cluster, join(dir, 'collector.sock')) : cluster;
      }),
    );
  }, 60_000);
  afterAll(async () => {
    keeper?.stop();
    for (const server of servers) server.forceShutdown();
    await sidecar?.stop();
    callers?.forget();
  });

  const checkPath = '/envoy.service.auth.v3.Authorization/Check';
  const exportPath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

  async function listen(
    path: string,
    credentials: ServerCredentials,
    method: string,
    answer: (bytes: Buffer, metadata: Metadata) => Buffer,
  ): Promise<void> {
    const server = new Server();
    servers.push(server);
    const same = (bytes: Buffer) => bytes;
    const codec = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    server.addService(
      { only: { path: method, requestStream: false, responseStream: false, ...codec } },
      {
        only: (
          call: { readonly request: Buffer; readonly metadata: Metadata },
          done: (error: null, bytes: Buffer) => void,
        ) => done(null, answer(call.request, call.metadata)),
      },
    );
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${path}`, credentials, (error) => (error ? reject(error) : resolve()));
    });
  }

  const ask = (path: string, more = '') =>
    sendRaw(
      { sidecar, app, port: 8080 },
      callers.of(adele),
      `GET ${path} HTTP/1.1\r\nHost: callee\r\n${more}Connection: close\r\n\r\n`,
      { servername: sniOf('aurore'), ALPNProtocols: ['http/1.1'] },
    );

  test('a denial is one record with the worker’s reason, under the id and the trace that the worker was told', async () => {
    const { answers, seen } = await ask('/no', `traceparent: 00-${trace}-b7ad6b7169203331-01\r\n`);
    expect([answers, seen]).toEqual(['403', []]);
    await expect.poll(() => keeper.records.length, { timeout: showMs }).toBe(1);
    const [{ entry } = {}] = keeper.records.splice(0);
    if (entry === undefined || !('request' in entry)) throw new Error('no record of HTTP');
    const [check] = asked.splice(0);
    expect(entry.response).toMatchObject({ responseCode: 403, responseCodeDetails: 'ext_authz_denied' });
    expect(entry.commonProperties?.metadata?.filterMetadata['envoy.filters.http.ext_authz']).toMatchObject({
      verdict: 'deny',
      ...facts,
    });
    expect(entry.request?.requestId).toBe(check?.id);
    expect(check?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(check?.traceparent.split('-')[1]).toBe(trace);
    expect(entry.commonProperties?.customTags['traceparent']?.split('-')[1]).toBe(trace);
    // Envoy keeps spans for five seconds.
    await expect.poll(() => spans.some((bytes) => bytes.includes(check?.id ?? '?')), { timeout: showMs }).toBe(true);
    const sent = Buffer.concat(spans);
    expect(sent.includes(Buffer.from(trace, 'hex'))).toBe(true);
    expect(sent.includes('/no')).toBe(false);
    expect(sent.includes('aurore/adele')).toBe(true);
  }, 60_000);

  test('an allowed one is told with the rule that allowed it, and of one without a trace, at 0 %, no span is sent', async () => {
    const { answers, seen } = await ask('/yes');
    expect([answers, seen.length]).toEqual(['200', 1]);
    await expect.poll(() => keeper.records.length, { timeout: showMs }).toBe(1);
    const [{ entry } = {}] = keeper.records.splice(0);
    expect(entry?.commonProperties?.metadata?.filterMetadata['envoy.filters.http.ext_authz']).toMatchObject({
      verdict: 'allow',
      rule: 'r',
      revision: 'r7',
    });
    // A span that was owed before this one's would have come with it.
    await ask('/yes', `traceparent: 00-${trace}-b7ad6b7169203331-01\r\n`);
    const [untraced, traced] = asked.splice(0).map(({ id }) => id);
    const isSent = (id = '?') => spans.some((bytes) => bytes.includes(id));
    await expect.poll(() => isSent(traced), { timeout: showMs }).toBe(true);
    expect(isSent(untraced)).toBe(false);
  }, 60_000);

  test('statistics are read by the control plane and by the scraper that the mesh names, as Prometheus text', async () => {
    const controlPlane = callers.controlPlane();
    const door = new ProxyDoor({
      credentials: () => ({ ...controlPlane, privateKeyPem: { reveal: () => controlPlane.privateKeyPem } }),
      anchorsOf: (name) => callers.trust.bundlePem(name),
      dial: (_address, port) => sidecar.dial(port),
    });
    const read = await door.read({ address: 'in the lab', tenant: 'aurore', spiffeId: adele }, '/stats/prometheus');
    await door.close();
    expect(read.kind === 'read' ? read.text : read).toMatch(/^# TYPE envoy_/m);
    expect(await scrape(berthe)).toBe('200');
  });

  const scrape = async (who: string, { path = '/stats/prometheus', method = 'GET', sni = sniOf('bastion') } = {}) =>
    (
      await sendRaw(
        { sidecar, app, port: statisticsPort },
        callers.of(who),
        `${method} ${path} HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n`,
        { servername: sni, ALPNProtocols: ['http/1.1'] },
      )
    ).answers;

  test('nobody else reads them, no other page, and nobody in plaintext', async () => {
    expect(await scrape(boris)).toBe('alert');
    expect(await scrape(adele, { sni: sniOf('aurore') })).toBe('alert');
    expect(await scrape(berthe, { sni: sniOf('aurore') })).toBe('alert');
    for (const path of ['/stats', '/config_dump', '/stats/prometheus/../../quitquitquit', '/stats/prometheusx']) {
      expect([path, await scrape(berthe, { path })]).toEqual([path, '403']);
    }
    expect(await scrape(berthe, { method: 'POST' })).toBe('403');
    const bytes = Buffer.from('GET /stats/prometheus HTTP/1.1\r\nHost: proxy\r\n\r\n');
    expect((await sendPlain({ sidecar, app, port: statisticsPort }, bytes)).answers).toBe('silence');
  });
});

function at(cluster: Cluster, path: string): Cluster {
  const hostIdentifier = { case: 'endpoint', value: { address: unixAddress(path) } } as const;
  const endpoints = [{ lbEndpoints: [{ hostIdentifier }] }];
  const loadAssignment = create(ClusterLoadAssignmentSchema, { clusterName: cluster.name, endpoints });
  const clusterDiscoveryType = { case: 'type', value: Cluster_DiscoveryType.STATIC } as const;
  const { edsClusterConfig: _, ...rest } = cluster;
  return { ...rest, clusterDiscoveryType, loadAssignment };
}

function inPlaintext({ transportSocket: _, ...rest }: Cluster): Cluster {
  return rest;
}

function moved(resources: ResourceSnapshot, change: (cluster: Cluster) => Cluster): ResourceSnapshot {
  const clusters = [...(resources.types.get(typeUrls.cluster) ?? [])].map(([name, resource]) => {
    const cluster = anyUnpack(fromBinary(AnySchema, resource.any), ClusterSchema);
    if (cluster === undefined) throw new Error(`\`${name}\` is no cluster`);
    const any = toBinary(AnySchema, anyPack(ClusterSchema, change(cluster)));
    return [name, { ...resource, version: contentVersion(any), any }] as const;
  });
  return { ...resources, types: new Map([...resources.types, [typeUrls.cluster, new Map(clusters)]]) };
}

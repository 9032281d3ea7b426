/** Plain pods in a cluster where Coffre is installed: injected, attested, served, walled off from each other. */
import { create } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import { DeltaDiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { createGrpcClient } from '../../../src/grpc/grpc-client.ts';
import { tokenHeader } from '../../../src/grpc/peer.ts';
import { defaultServerDnsName } from '../../../src/identity/authority.ts';
import { identityPath, tokenFile } from '../../../src/kube/inject/mesh-config-map.ts';
import { sidecarName } from '../../../src/kube/inject/names.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';
import { restricted } from '../inject/settings.ts';
import { addressAnnotation } from '../kubelet/kubelet.ts';
import { type Asked, application, whereInstalled } from './installed.ts';
import { trafficPod } from './traffic.ts';

/** Longest time in which a withdrawal is to bite, in ms. */
const withdrawnMaxMs = 2_000;
/** Between two requests of each client beside a drill, in ms: a steady state is a state of something. */
const steadyPeriodMs = 100;
/** Where the installation keeps what a replica knows. */
const statePath = '/var/lib/coffre/state';
/** Longest wait for what comes by itself, in ms: a bound of a loaded machine. */
const soonMs = 30_000;

whereInstalled('an injected pod', ({ cluster, kubectl, apply, untilReady, newTenant, ask }) => {
  const api = 'http://api.shop.svc';
  const statusOf = async (pod: string, url: string) => (await ask(pod, url)).status;
  const becomes = (status: number, pod: string, url: string) =>
    vi.waitFor(async () => expect(await statusOf(pod, url)).toBe(status), { timeout: soonMs, interval: 50 });
  const execIn = async (pod: string, name: string, ...argv: readonly string[]) =>
    (await cluster().kubelet().container(pod, name).exec(argv)).stdout;
  const tokenOf = (pod: string) => execIn(pod, sidecarName, 'cat', `${identityPath}/${tokenFile}`);
  const addressOf = (pod: string) => {
    const [namespace = '', name = ''] = pod.split('/');
    return kubectl(['get', 'pod', name, '-n', namespace, '-o', 'jsonpath={.status.podIP}']);
  };

  beforeAll(async () => {
    await newTenant('shop', ...application('shop', 'web'), ...application('shop', 'api'), noAdmin);
    await newTenant('bank', ...application('bank', 'teller'));
    await untilReady('shop/web', 'shop/api', 'bank/teller');
  });

  describe('as it begins', () => {
    test('is what `kubectl` made of a plain one, and its sidecar has the certificate of its service account', async () => {
      const names = await kubectl(['get', 'pod', 'web', '-n', 'shop', '-o', 'jsonpath={.spec.initContainers[*].name}']);
      expect(names).toBe('coffre-redirect coffre-sidecar');
      const admin = ['--unix-socket', '/var/run/coffre/run/admin.sock', 'http://envoy/certs'];
      expect(await execIn('shop/web', sidecarName, 'curl', '-s', ...admin)).toContain(
        'spiffe://mesh.example/ns/shop/sa/web',
      );
      expect(await execIn('shop/web', 'app', 'ls', '/var/run/coffre')).toBe('');
    });

    test('calls its own tenant through both sidecars, and is refused with the reason where a policy denies', async () => {
      const served = await ask('shop/web', `${api}/orders`);
      expect(served).toMatchObject({ status: 200 });
      expect(JSON.parse(served.body)).toMatchObject({ service: 'api', path: '/orders' });
      const refused: Asked = await ask('shop/web', `${api}/admin/users`);
      expect(refused).toMatchObject({ status: 403, body: expect.stringMatching(/denied/) });
      expect(refused.headers['x-coffre-decision']).toMatch(/.+/);
    });

    test('lets nobody in in plaintext: neither its node nor a pod that has no sidecar', async () => {
      const url = `http://${await addressOf('shop/api')}:8080/orders`;
      await apply(stranger);
      await untilReady('default/stranger');
      expect(await ask('default/stranger', url)).toMatchObject({ status: 0, body: '' });
      const { status } = await fetch(url, { signal: AbortSignal.timeout(withdrawnMaxMs) }).catch(() => ({ status: 0 }));
      expect(status).toBe(0);
    });
  });

  test('is closed to another tenant until a Grant is applied, and closed again two seconds after it is withdrawn', async () => {
    expect(await statusOf('bank/teller', api)).not.toBe(200);
    await apply(grant);
    await becomes(200, 'bank/teller', api);
    const answers: number[] = [];
    await kubectl(['delete', 'grant', 'bank', '-n', 'shop']);
    const withdrawnAtMs = performance.now();
    while (performance.now() < withdrawnAtMs + withdrawnMaxMs) answers.push(await statusOf('bank/teller', api));
    expect(await statusOf('bank/teller', api), answers.join(' ')).not.toBe(200);
    expect(await statusOf('shop/web', api)).toBe(200);
  });

  test('is ready as long as its application answers the kubelet, who asks the sidecar', async () => {
    const probed = ['get', 'pod', 'api', '-n', 'shop', '-o'];
    const port = await kubectl([...probed, 'jsonpath={.spec.containers[0].readinessProbe.httpGet.port}']);
    expect(port).toBe('15021');
    const isReady = () => kubectl([...probed, 'jsonpath={.status.containerStatuses[0].ready}']);
    const application = cluster().kubelet().container('shop/api', 'app');
    application.signal('SIGSTOP');
    await vi.waitFor(async () => expect(await isReady()).toBe('false'), { timeout: soonMs });
    await becomes(503, 'shop/web', api);
    application.signal('SIGCONT');
    await untilReady('shop/api');
    await becomes(200, 'shop/web', api);
  });

  test('is struck by a drill that its people consented to, and is whole again when the drill is halted', async () => {
    const ours = async (verb: string, ...args: readonly string[]) => {
      const argv = ['node', 'src/cli/main.ts', 'drill', verb, 'shop/errors', '--state', statePath, ...args];
      const said = await cluster().kubelet().container('coffre-system/coffre-0', 'coffre').exec(argv);
      expect(said.code, `${said.stdout}${said.stderr}`).toBe(0);
    };
    const phase = () => kubectl(['get', 'drill', 'errors', '-n', 'shop', '-o', 'jsonpath={.status.phase}']);
    await apply(mesh, consent, drill, trafficPod(steadyPeriodMs));
    await untilReady('shop/traffic');
    await vi.waitFor(async () => expect(await phase()).toBe('declared'), { timeout: soonMs });
    await ours('start', '--yes');
    await becomes(503, 'shop/web', api);
    await vi.waitFor(async () => expect(await phase()).toBe('running'), { timeout: soonMs });
    await ours('halt', '--reason', 'enough was seen');
    await becomes(200, 'shop/web', api);
    await vi.waitFor(async () => expect(await phase()).toBe('aborted'), { timeout: soonMs });
    await kubectl(['delete', 'pod', 'traffic', '-n', 'shop', '--force', '--grace-period=0']);
  });

  test('that is deleted takes its token, its stream and its rights along, and leaves none of them to who has its address', async () => {
    await apply(...application('shop', 'thief'));
    await untilReady('shop/thief');
    await becomes(200, 'shop/thief', api);
    const [token, address] = [await tokenOf('shop/thief'), await addressOf('shop/thief')];
    const stream = await streamOf('shop/thief', token);
    await stream.answered;
    await kubectl(['delete', 'pod', 'thief', '-n', 'shop', '--wait=false']);
    await expect(stream.ended).resolves.toMatch(/client does not exist any more/);
    await kubectl(['wait', '--for=delete', 'pod/thief', '-n', 'shop', '--timeout=30s']);
    await expect((await streamOf('shop/thief', token)).ended).resolves.toMatch(/UNAUTHENTICATED/);
    await apply(...application('bank', 'heir').map((each) => withAddress(each, address)));
    await untilReady('bank/heir');
    expect(await addressOf('bank/heir')).toBe(address);
    expect(await statusOf('bank/heir', api)).not.toBe(200);
    const admin = ['--unix-socket', '/var/run/coffre/run/admin.sock', 'http://envoy/certs'];
    expect(await execIn('bank/heir', sidecarName, 'curl', '-s', ...admin)).not.toContain('/ns/shop/');
  });

  /** Whoever has a token asks the control plane by it, as a sidecar would. */
  async function streamOf(pod: string, token: string) {
    const address = await kubectl([
      'get',
      'service',
      'coffre',
      '-n',
      'coffre-system',
      '-o',
      'jsonpath={.spec.clusterIP}',
    ]);
    const serverCaPem = await kubectl([
      'get',
      'configmap',
      'coffre-mesh',
      '-n',
      'shop',
      '-o',
      'jsonpath={.data.root\\.crt}',
    ]);
    const client = createGrpcClient({ address: `${address}:15012`, serverName: defaultServerDnsName, serverCaPem });
    const metadata = new Metadata();
    metadata.set(tokenHeader, token);
    const call = client.stream(AggregatedDiscoveryService.method.deltaAggregatedResources, metadata);
    const answered = new Promise<void>((resolve) => call.once('data', () => resolve()));
    const ended = new Promise<string>((resolve) => {
      call.once('error', (error) => resolve(error.message));
      call.once('end', () => resolve('ended'));
    }).finally(() => client.close());
    const [cluster = ''] = pod.split('/');
    const asked = { node: { id: pod, cluster }, typeUrl: typeUrls.cluster, resourceNamesSubscribe: ['*'] };
    call.write(create(DeltaDiscoveryRequestSchema, asked));
    return { answered, ended };
  }
});

const noAdmin = {
  apiVersion: 'coffre.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: { name: 'no-admin', namespace: 'shop' },
  spec: { selector: { matchLabels: { app: 'api' } }, deny: [{ to: { paths: ['/admin/*'] } }] },
};

/** One caller is all there is, and so every drill strikes each: it takes no second person here. */
const mesh = {
  apiVersion: 'coffre.dev/v1alpha1',
  kind: 'Mesh',
  metadata: { name: 'default' },
  spec: { trustDomain: 'mesh.example', drills: { secondPersonAbove: { percent: 100, callers: 20 } } },
};

const consent = {
  apiVersion: 'coffre.dev/v1alpha1',
  kind: 'DrillConsent',
  metadata: { name: 'game-day', namespace: 'shop' },
  spec: {
    asTarget: { services: ['api'], callerTenants: ['shop'], methods: ['abort'], maxDuration: '5m', maxPercent: 100 },
    asCaller: { targetTenants: ['shop'], methods: ['abort'], maxDuration: '5m', maxPercent: 100 },
  },
};

const drill = {
  apiVersion: 'coffre.dev/v1alpha1',
  kind: 'Drill',
  metadata: { name: 'errors', namespace: 'shop' },
  spec: {
    hypothesis: 'the web says so when its API fails',
    risk: 'the API is lost',
    mitigation: 'the web shows what it has kept',
    target: { service: 'api', port: 80 },
    method: { abort: { status: 503, percent: 100 } },
    blastRadius: { callers: [{ tenant: 'shop', serviceAccounts: ['web'] }], percent: 100 },
    steadyState: [
      {
        name: 'served',
        source: { traffic: { metric: 'successRate' } },
        tolerance: { atLeast: 0.99 },
        phases: ['before', 'after'],
      },
    ],
    abortOn: [{ alert: 'ShopClosed' }],
    duration: '5m',
    observe: '3s',
  },
};

const grant = {
  apiVersion: 'coffre.dev/v1alpha1',
  kind: 'Grant',
  metadata: { name: 'bank', namespace: 'shop' },
  spec: { from: { tenant: 'bank' }, to: { service: 'api' }, reason: 'they pay by it' },
};

/** In a namespace that is nobody's. */
const stranger = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'stranger', namespace: 'default' },
  spec: { containers: [{ name: 'app', image: 'registry.example/lab-idle:1', securityContext: restricted }] },
};

function withAddress(object: object, address: string): object {
  if (!('kind' in object) || object.kind !== 'Pod' || !('metadata' in object)) return object;
  return { ...object, metadata: { ...(object.metadata as object), annotations: { [addressAnnotation]: address } } };
}

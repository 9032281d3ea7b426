/** Injection as values: golden pods to read, a table of pods that may not be, and what holds for any pod. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { injectPod } from '../../../src/kube/inject/inject-pod.ts';
import { containerNames, redirectName } from '../../../src/kube/inject/names.ts';
import { jsonOf, type Pod, readPod } from '../../../src/kube/inject/pod.ts';
import { defaultSettings, sidecarUsers } from '../../../src/kube/inject/settings.ts';
import { jsonPatch } from '../../../src/kube/json-patch.ts';
import { applyPatch } from './apply-patch.ts';
import { unrestricted } from './restricted.ts';
import { podWith, restricted, settings, shop } from './settings.ts';

const golden = join(import.meta.dirname, 'golden');

function injected(pod: Pod, of = shop): Pod {
  const injection = injectPod(pod, settings, of);
  if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
  return jsonOf(injection.pod) as unknown as Pod;
}

function refusal(pod: Pod): string[] {
  const injection = injectPod(pod, settings, shop);
  return injection.kind === 'refused'
    ? injection.findings.map(({ code, path }) => `${code} ${path}`)
    : [injection.kind];
}

const loopback = { tcpSocket: { host: '127.0.0.1', port: 10_257 } };

const scenarios = readdirSync(golden).filter((name) => name.endsWith('.input.yaml'));

test.each(scenarios)('the pod of %s reads as in the golden file', async (name) => {
  const pod = injected(parse(readFileSync(join(golden, name), 'utf8')));
  for (const { env = [] } of (pod.spec.initContainers ?? []) as { env?: { name: string; value?: string }[] }[]) {
    // As lines, so that a person can read it.
    for (const one of env) {
      if (one.name === 'COFFRE_BOOTSTRAP') one.value = JSON.stringify(healthOnly(one.value ?? ''), null, 2);
      if (one.name.startsWith('COFFRE_RULES')) one.value = `${one.value?.split('\n').length} lines`;
    }
  }
  await expect(stringify(pod, { lineWidth: 140 })).toMatchFileSnapshot(join(golden, name.replace('.input', '.output')));
});

/** Of the bootstrap what injection alone says: the rest is held in golden files of its own. */
function healthOnly(text: string): object {
  const { node, staticResources } = JSON.parse(text);
  const clusters = staticResources.clusters.filter(({ name }: { name: string }) => name.startsWith('health/'));
  return { node, staticResources: { listeners: staticResources.listeners, clusters } };
}

test('our images stand in the golden pods, and the container that redirects is the only one with a capability', () => {
  const [redirect, sidecar] = injected(podWith()).spec.initContainers ?? [];
  expect([redirect?.image, sidecar?.image]).toEqual([settings.redirectImage, settings.envoyImage]);
  expect(redirect?.securityContext?.capabilities).toEqual({ add: ['NET_ADMIN'], drop: ['ALL'] });
  expect(unrestricted(injected(podWith()).spec)).toEqual([
    `${redirectName} runAsNonRoot`,
    `${redirectName} runAsUser`,
    `${redirectName} add`,
  ]);
});

describe('refused is', () => {
  const inContainer = (securityContext: object) => podWith({ securityContext: { ...restricted, ...securityContext } });
  const ours = { name: 'coffre-sidecar', image: 'evil', securityContext: restricted };
  test.each<[string, Pod, string]>([
    ['the network of the node', podWith({}, { hostNetwork: true }), 'sidecar-bypass spec.hostNetwork'],
    ['the processes of the node', podWith({}, { hostPID: true }), 'sidecar-bypass spec.hostPID'],
    ['the memory of the node', podWith({}, { hostIPC: true }), 'sidecar-bypass spec.hostIPC'],
    [
      'a shared process namespace',
      podWith({}, { shareProcessNamespace: true }),
      'sidecar-bypass spec.shareProcessNamespace',
    ],
    ['Windows, by its name', podWith({}, { os: { name: 'windows' } }), 'sidecar-bypass spec.os'],
    [
      'Windows, by its node',
      podWith({}, { nodeSelector: { 'kubernetes.io/os': 'windows' } }),
      'sidecar-bypass spec.os',
    ],
    ['privilege', inContainer({ privileged: true }), 'sidecar-bypass spec.containers[0].securityContext.privileged'],
    [
      'a capability, in any spelling',
      inContainer({ capabilities: { drop: ['ALL'], add: ['cap_net_raw'] } }),
      'sidecar-bypass spec.containers[0].securityContext.capabilities.add',
    ],
    [
      'what a runtime gives by itself',
      inContainer({ capabilities: {} }),
      'sidecar-bypass spec.containers[0].securityContext.capabilities.drop',
    ],
    [
      'escalation that is not ruled out',
      inContainer({ allowPrivilegeEscalation: undefined }),
      'sidecar-bypass spec.containers[0].securityContext.allowPrivilegeEscalation',
    ],
    [
      'an unmasked /proc',
      inContainer({ procMount: 'Unmasked' }),
      'sidecar-bypass spec.containers[0].securityContext.procMount',
    ],
    [
      'the first user of sidecars',
      inContainer({ runAsUser: sidecarUsers.first }),
      'sidecar-bypass spec.containers[0].securityContext.runAsUser',
    ],
    [
      'the last user of sidecars, for the whole pod',
      podWith({}, { securityContext: { runAsUser: sidecarUsers.last } }),
      'sidecar-bypass spec.securityContext.runAsUser',
    ],
    ...['seccompProfile', 'appArmorProfile'].flatMap((field): [string, Pod, string][] => [
      [
        `${field} Unconfined`,
        inContainer({ [field]: { type: 'Unconfined' } }),
        `sidecar-bypass spec.containers[0].securityContext.${field}`,
      ],
      [
        `${field} Unconfined, for the whole pod`,
        podWith({}, { securityContext: { [field]: { type: 'Unconfined' } } }),
        `sidecar-bypass spec.securityContext.${field}`,
      ],
    ]),
    [
      'a domain of SELinux that confines nobody',
      inContainer({ seLinuxOptions: { type: 'spc_t' } }),
      'sidecar-bypass spec.containers[0].securityContext.seLinuxOptions',
    ],
    [
      'a port of the node',
      podWith({ ports: [{ containerPort: 8_080, hostPort: 10_250 }] }),
      'sidecar-bypass spec.containers[0].ports[0].hostPort',
    ],
    [
      'a port of ours',
      podWith({ ports: [{ containerPort: 15_006 }] }),
      'reserved-port spec.containers[0].ports[0].containerPort',
    ],
    [
      'a probe of ours that was not diverted by us',
      podWith({ livenessProbe: { httpGet: { port: 15_021, path: '/ready' } } }),
      'reserved-port spec.containers[0].livenessProbe',
    ],
    [
      'a probe of a port that nobody named',
      podWith({ readinessProbe: { tcpSocket: { port: 'sql' } } }),
      'dangling-reference spec.containers[0].readinessProbe',
    ],
    ['a container of our name', podWith({}, { initContainers: [ours] }), 'sidecar-bypass spec.initContainers[0].name'],
    ['a volume of our name', podWith({}, { volumes: [{ name: 'coffre-run' }] }), 'sidecar-bypass spec.volumes[0].name'],
    [
      'a kubelet that asks a metadata service',
      podWith({
        readinessProbe: {
          httpGet: { host: '169.254.169.254', port: 80, httpHeaders: [{ name: 'Metadata-Flavor', value: 'Google' }] },
        },
      }),
      'sidecar-bypass spec.containers[0].readinessProbe.httpGet.host',
    ],
    [
      'a kubelet that asks the loopback of its node',
      podWith({}, { initContainers: [{ name: 'i', securityContext: restricted, startupProbe: loopback }] }),
      'sidecar-bypass spec.initContainers[0].startupProbe.tcpSocket.host',
    ],
    [
      'a hook elsewhere',
      podWith({ lifecycle: { preStop: { httpGet: { host: '10.0.0.1', port: 10_250 } } } }),
      'sidecar-bypass spec.containers[0].lifecycle.preStop.httpGet.host',
    ],
    [
      'a mount of the identity',
      podWith({ volumeMounts: [{ name: 'coffre-identity', mountPath: '/x' }] }),
      'sidecar-bypass spec.containers[0].volumeMounts[0].name',
    ],
    [
      'a token for us',
      podWith(
        {},
        { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { audience: 'coffre' } }] } }] },
      ),
      'sidecar-bypass spec.volumes[0].projected.sources[0].serviceAccountToken.audience',
    ],
    [
      'an init container with NET_ADMIN, too',
      podWith(
        {},
        {
          initContainers: [
            { name: 'i', securityContext: { ...restricted, capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } } },
          ],
        },
      ),
      'sidecar-bypass spec.initContainers[0].securityContext.capabilities.add',
    ],
    [
      'no interception',
      podWith({}, {}, { annotations: { 'coffre.dev/capture': 'explicit' } }),
      'sidecar-bypass metadata.annotations.coffre.dev/capture',
    ],
    [
      'a wish for no sidecar, by anybody',
      podWith({}, {}, { annotations: { 'coffre.dev/inject': 'disabled' } }),
      'sidecar-required metadata.annotations.coffre.dev/inject',
    ],
    [
      'a wish nobody understands',
      podWith({}, { serviceAccountName: 'node-agent' }, { annotations: { 'coffre.dev/inject': 'false' } }),
      'bad-value metadata.annotations.coffre.dev/inject',
    ],
    [
      'a pod that says what its probes were, in no language',
      podWith(
        {},
        {},
        { annotations: { 'coffre.dev/injected-by': 'me', 'coffre.dev/original-probes': '{"/app/web/liveness":7}' } },
      ),
      'bad-value metadata.annotations.coffre.dev/original-probes',
    ],
  ])('%s', (_name, pod, says) => {
    expect(refusal(pod)).toEqual([says]);
    expect(refusal(podWith())).toEqual(['injected']);
  });

  test('more probes than a sidecar can answer, told by their number', () => {
    const containers = Array.from({ length: 21 }, (_, index) => ({
      name: `c${index}`,
      securityContext: restricted,
      livenessProbe: { tcpSocket: { port: 80 } },
      readinessProbe: { tcpSocket: { port: 80 } },
    }));
    expect(refusal(podWith({}, { containers }))).toEqual(['unsupported-value spec.containers']);
    expect(refusal(podWith({}, { containers: containers.slice(1) }))).toEqual(['injected']);
  });
});

test('a pod is left without a sidecar where it asks for that and the installation names its service account', () => {
  const annotations = { 'coffre.dev/inject': 'disabled' };
  const agent = podWith({}, { serviceAccountName: 'node-agent', hostNetwork: true }, { annotations });
  expect(injectPod(agent, settings, shop)).toEqual({ kind: 'left', pod: agent });
  expect(injectPod(agent, settings, { ...shop, namespace: 'bank', tenant: 'bank' }).kind).toBe('refused');
});

describe('a pod without a sidecar is no way into its node', () => {
  const agentWith = (change: object, spec: object = {}) =>
    podWith(
      change,
      { serviceAccountName: 'node-agent', hostNetwork: true, ...spec },
      { annotations: { 'coffre.dev/inject': 'disabled' } },
    );
  const context = 'sidecar-bypass spec.containers[0].securityContext';
  test.each<[string, Pod, string]>([
    ['by the processes of the node', agentWith({}, { hostPID: true }), 'sidecar-bypass spec.hostPID'],
    ['by the memory of the node', agentWith({}, { hostIPC: true }), 'sidecar-bypass spec.hostIPC'],
    ['as root of the node', agentWith({ securityContext: { privileged: true } }), `${context}.privileged`],
    [
      'by a capability',
      agentWith({ securityContext: { capabilities: { add: ['CHOWN', 'SYS_ADMIN'] } } }),
      `${context}.capabilities.add`,
    ],
    ['by all of `/proc`', agentWith({ securityContext: { procMount: 'Unmasked' } }), `${context}.procMount`],
    [
      'by every system call',
      agentWith({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
      `${context}.seccompProfile`,
    ],
    [
      'as a process of Windows',
      agentWith({}, { securityContext: { windowsOptions: { hostProcess: true } } }),
      'sidecar-bypass spec.securityContext.windowsOptions.hostProcess',
    ],
    [
      'by its kubelet',
      agentWith({ livenessProbe: loopback }),
      'sidecar-bypass spec.containers[0].livenessProbe.tcpSocket.host',
    ],
  ])('%s, unless a caretaker writes it', (_name, pod, says) => {
    expect(refusal(pod)).toEqual([says]);
    expect(injectPod(pod, settings, { ...shop, byCaretaker: true })).toEqual({ kind: 'left', pod });
  });

  test('and may be what a container is by itself', () => {
    expect(refusal(agentWith({ securityContext: undefined }, { hostPID: false }))).toEqual(['left']);
  });
});

test('a claim to be injected is not believed: what bears our names is made anew', () => {
  const forged = podWith(
    {},
    { initContainers: [{ name: 'coffre-sidecar', image: 'evil', securityContext: { runAsUser: 1 } }] },
    { annotations: { 'coffre.dev/injected-by': 'me' }, labels: { 'coffre.dev/revision': 'mine' } },
  );
  expect(injected(forged)).toEqual(injected(podWith()));
});

test('the bootstrap names the pod by what the kubelet knows, and fits a variable with as many probes as there may be', () => {
  const containers = Array.from({ length: 20 }, (_, index) => ({
    name: `${index}-`.padEnd(63, 'x'),
    securityContext: restricted,
    livenessProbe: { httpGet: { path: `/${'p'.repeat(200)}$(POD_NAME)`, port: 80, scheme: 'HTTPS' } },
    readinessProbe: { grpc: { port: 80, service: 's'.repeat(200) } },
  }));
  const [, sidecar] = injected(podWith({}, { containers })).spec.initContainers ?? [];
  const { env } = sidecar as unknown as { env: { value?: string }[] };
  const text = env[2]?.value ?? '';
  expect(text).toContain('"id":"$(POD_NAMESPACE)/$(POD_NAME)"');
  // An author's reference stays text.
  expect(text.match(/(?<!\$)\$\(/g)).toHaveLength(2);
  expect(Buffer.byteLength(text)).toBeLessThan(131_072 - 'COFFRE_BOOTSTRAP='.length);
});

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const port = fc.integer({ min: 1, max: 14_999 });
const handler = fc.oneof(
  fc.record({
    httpGet: fc.record({ path: fc.constantFrom('/', '/a?b=c', 'x', '/$(A)'), port }, { requiredKeys: ['port'] }),
  }),
  fc.record({ tcpSocket: fc.record({ port }) }),
  fc.record({ grpc: fc.record({ port, service: fc.constantFrom('', 'a.B') }, { requiredKeys: ['port'] }) }),
  fc.record({ exec: fc.constant({ command: ['true'] }) }),
);
const probe = fc
  .tuple(handler, fc.record({ periodSeconds: fc.integer({ min: 1, max: 60 }) }, { requiredKeys: [] }))
  .map(([asks, when]) => ({ ...asks, ...when }));
const container = fc.record(
  {
    name,
    image: fc.webPath(),
    securityContext: fc.constant(restricted),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
    lifecycle: fc.record({ preStop: handler, postStart: handler }, { requiredKeys: [] }),
    env: fc.array(fc.record({ name, value: fc.string() }), { maxLength: 2 }),
  },
  { requiredKeys: ['name', 'securityContext'] },
);
const map = fc.dictionary(name, name, { maxKeys: 3 });
const pods = fc.record(
  {
    metadata: fc.record({ labels: map, annotations: map }, { requiredKeys: [] }),
    spec: fc.record(
      {
        containers: fc.uniqueArray(container, { minLength: 1, maxLength: 3, selector: (one) => one.name }),
        initContainers: fc.uniqueArray(container, { maxLength: 2, selector: (one) => `i${one.name}` }),
        volumes: fc.uniqueArray(fc.record({ name, emptyDir: fc.constant({}) }), { selector: (one) => one.name }),
        terminationGracePeriodSeconds: fc.nat(60),
      },
      { requiredKeys: ['containers'] },
    ),
  },
  { requiredKeys: ['spec'] },
);

const disjoint: fc.Arbitrary<Pod> = pods
  .map((pod) => pod as Pod)
  .filter(({ spec }) => {
    const names = [...spec.containers, ...(spec.initContainers ?? [])].map((one) => one.name);
    return new Set(names).size === names.length;
  });

test('twice is as once, whatever sidecar user was drawn the first time', () => {
  fc.assert(
    fc.property(disjoint, (pod) => {
      const once = injected(pod);
      expect(injected(once)).toEqual(once);
      expect(injected(injected(pod, { ...shop, sidecarUser: sidecarUsers.last }))).toEqual(once);
    }),
    { numRuns: 60 },
  );
});

test('the patch leads from the pod to the injected one, by another hand', () => {
  fc.assert(
    fc.property(disjoint, disjoint, (pod, other) => {
      const [before, after] = [jsonOf(pod), jsonOf(injected(pod))];
      expect(applyPatch(before, jsonPatch(before, after))).toEqual(after);
      expect(applyPatch(after, jsonPatch(after, jsonOf(other)))).toEqual(jsonOf(other));
      expect(jsonPatch(after, after)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('of the application nothing changes but where the kubelet asks, and all but the redirection is restricted', () => {
  const asked = new Set(['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle']);
  const unasked = (one: object) => Object.fromEntries(Object.entries(one).filter(([key]) => !asked.has(key)));
  fc.assert(
    fc.property(disjoint, (pod) => {
      const { spec, metadata } = injected(pod);
      const theirs = [...(spec.initContainers ?? []), ...spec.containers].filter(
        (one) => !containerNames.has(one.name),
      );
      expect(theirs.map(unasked)).toEqual([...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(unasked));
      expect(
        theirs.flatMap((one) => [one.livenessProbe, one.readinessProbe, one.startupProbe]).filter(asksApplication),
      ).toEqual([]);
      expect(spec.volumes?.slice(3)).toEqual(pod.spec.volumes ?? []);
      expect(metadata?.labels).toEqual({ ...pod.metadata?.labels, 'coffre.dev/revision': 'r1' });
      expect(unrestricted(spec, new Set([redirectName]))).toEqual([]);
      expect('pod' in readPod(jsonOf({ spec }))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

function asksApplication(
  handler: { tcpSocket?: unknown; grpc?: unknown; httpGet?: { port: unknown } } | undefined,
): boolean {
  if (handler === undefined) return false;
  return handler.tcpSocket !== undefined || handler.grpc !== undefined || (handler.httpGet?.port ?? 15_021) !== 15_021;
}

test('defaults are defaults: an installation may say otherwise', () => {
  const of = { ...settings, drainSeconds: 0, limits: { cpu: '1', memory: '1Gi' } };
  const injection = injectPod(podWith(), of, shop);
  const [, sidecar] = injection.kind === 'injected' ? (injection.pod.spec.initContainers ?? []) : [];
  expect(sidecar?.lifecycle).toBeUndefined();
  expect(sidecar).toMatchObject({ resources: { requests: defaultSettings.requests, limits: { memory: '1Gi' } } });
});

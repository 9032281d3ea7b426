/** Explicit capture as authors write it: what it amounts to, what it costs to be wrong, and what stays where it was. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { service, tenant } from '../fixtures/two-tenants.ts';

const httpPort = 'name: http, port: 80, targetPort: 8080';

const mesh = `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: mesh.test }
`;

interface Written {
  readonly ip?: string;
  readonly capture?: string;
  readonly application?: string;
  readonly outbound?: string;
}

/** One field a line, so that a problem's line says which was meant. */
function pod(namespace: string, name: string, { ip = '127.0.1.1', capture, application, outbound }: Written): string {
  const annotations = Object.entries({ capture, 'application-address': application, 'outbound-addresses': outbound })
    .flatMap(([key, value]) => (value === undefined ? [] : [`    coffre.dev/${key}: ${value}\n`]))
    .join('');
  return `apiVersion: v1
kind: Pod
metadata:
  name: ${name}-1
  namespace: ${namespace}
  labels: { app: ${name} }
  annotations:
${annotations}spec: { serviceAccountName: ${name} }
status:
  podIPs: [{ ip: "${ip}" }]
  conditions: [{ type: Ready, status: "True" }]
`;
}

function read(...texts: readonly string[]): Snapshot {
  const { objects, problems } = parseDocument(
    [mesh, tenant('atelier'), tenant('notaire'), ...texts].join('---\n'),
    'm.yaml',
  );
  const snapshot = buildSnapshot(objects);
  return { ...snapshot, problems: [...problems, ...snapshot.problems] };
}

function linesWith(texts: readonly string[], part: string): readonly number[] {
  const whole = [mesh, tenant('atelier'), tenant('notaire'), ...texts].join('---\n');
  return whole.split('\n').flatMap((line, index) => (line.includes(part) ? [index + 1] : []));
}

const web = pod('atelier', 'web', { ip: '127.0.1.1', capture: 'explicit', application: '127.0.5.1' });
const api = pod('atelier', 'api', { ip: '127.0.1.2', capture: 'explicit', application: '127.0.5.2' });
const services = [service('atelier', 'web', '10.96.1.1', httpPort), service('atelier', 'api', '10.96.1.2', httpPort)];

test('a sound pod has its addresses, its application’s, and one for each service it may call', () => {
  const snapshot = read(web, api, ...services);
  expect(snapshot.problems).toEqual([]);
  expect(snapshot.workloads.get('atelier/web-1')).toMatchObject({
    capture: 'explicit',
    addresses: ['127.0.1.1'],
    applicationAddress: '127.0.5.1',
  });
  const addresses = snapshot.explicitAddresses.get('atelier/web-1');
  expect([...(addresses?.keys() ?? [])]).toEqual(['atelier/api', 'atelier/web']);
  const [first = 0, second = 0] = (addresses?.get('atelier/api') ?? '').split('.').map(Number);
  expect([first, second >= 128 && second < 192]).toEqual([127, true]);
});

test('a pod that says nothing is captured as before, and has no addresses to dial', () => {
  const snapshot = read(pod('atelier', 'web', { ip: '10.1.0.1' }), ...services.slice(0, 1));
  expect(snapshot.problems).toEqual([]);
  expect(snapshot.workloads.get('atelier/web-1')).toMatchObject({
    capture: 'transparent',
    applicationAddress: '127.0.0.1',
  });
  expect(snapshot.explicitAddresses.size).toBe(0);
});

test('no address moves when services and workloads come and go', () => {
  const alone = read(web, ...services.slice(0, 1)).explicitAddresses.get('atelier/web-1');
  const crowded = read(web, api, ...services).explicitAddresses.get('atelier/web-1');
  expect(alone?.get('atelier/web')).toBeDefined();
  expect(crowded?.get('atelier/web')).toBe(alone?.get('atelier/web'));
});

test('two callers of one service dial it at two addresses', () => {
  const { explicitAddresses } = read(web, api, ...services);
  const both = ['atelier/web-1', 'atelier/api-1'].map((key) => explicitAddresses.get(key)?.get('atelier/api'));
  expect(new Set(both).size).toBe(2);
});

test('what another tenant granted has an address, and what it did not has none', () => {
  const theirs = [service('notaire', 'api', '10.96.2.1', httpPort), service('notaire', 'db', '10.96.2.2', httpPort)];
  const grant = `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: deeds, namespace: notaire }
spec:
  from: { tenant: atelier }
  to: { service: api }
  reason: the workshop reads deeds
`;
  const their = pod('notaire', 'api', { ip: '127.0.2.1', capture: 'explicit', application: '127.0.6.1' });
  const { explicitAddresses } = read(web, their, ...services, ...theirs, grant);
  const keys = [...(explicitAddresses.get('atelier/web-1')?.keys() ?? [])];
  expect(keys).toEqual(['atelier/api', 'atelier/web', 'notaire/api']);
});

test('a declared address stands in the allocated one’s place', () => {
  const declared = pod('atelier', 'web', {
    capture: 'explicit',
    application: '127.0.5.1',
    outbound: 'atelier/web=127.9.0.1',
  });
  const snapshot = read(declared, ...services.slice(0, 1));
  expect(snapshot.problems).toEqual([]);
  expect(snapshot.explicitAddresses.get('atelier/web-1')?.get('atelier/web')).toBe('127.9.0.1');
});

test('a sidecar on the network of its node is in the mesh under explicit capture', () => {
  const onNode = web.replace('spec: {', 'spec: { hostNetwork: true,');
  const snapshot = read(onNode, ...services.slice(0, 1));
  expect(snapshot.problems).toEqual([]);
  expect(snapshot.workloads.has('atelier/web-1')).toBe(true);
});

describe('one pod alone', () => {
  const explicit = { capture: 'explicit', application: '127.0.5.1' };
  test.each<{ what: string; written: Written; code: string; line: string; advice: string }>([
    {
      what: 'no application address',
      written: { capture: 'explicit' },
      code: 'missing-field',
      line: 'annotations:',
      advice: 'coffre.dev/application-address: 127.0.5.1',
    },
    {
      what: 'an application that the network reaches',
      written: { capture: 'explicit', application: '192.168.7.1' },
      code: 'bad-value',
      line: 'application-address',
      advice: 'no other workload uses',
    },
    {
      what: 'an application where the sidecar listens',
      written: { ip: '127.0.5.1', ...explicit },
      code: 'bad-value',
      line: 'application-address',
      advice: 'no other workload uses',
    },
    {
      what: 'an outbound address that the network reaches',
      written: { ...explicit, outbound: 'atelier/web=192.168.7.1' },
      code: 'bad-value',
      line: 'outbound-addresses',
      advice: 'in 127.0.0.0/8',
    },
    {
      what: 'one outbound address for two services',
      written: { ...explicit, outbound: 'atelier/web=127.9.0.1, atelier/api=127.9.0.1' },
      code: 'bad-value',
      line: 'outbound-addresses',
      advice: 'once',
    },
    {
      what: 'a capture that nobody knows',
      written: { capture: 'explicitly', application: '127.0.5.1' },
      code: 'bad-value',
      line: 'coffre.dev/capture',
      advice: '`explicit`',
    },
    {
      what: 'an application address under interception',
      written: { ip: '10.1.0.1', application: '127.0.5.1' },
      code: 'bad-value',
      line: 'application-address',
      advice: 'coffre.dev/capture: explicit',
    },
  ])('$what is told with its line, and the pod is not in force', ({ written, code, line, advice }) => {
    const text = pod('atelier', 'web', written);
    const snapshot = read(text, ...services.slice(0, 1));
    const [problem] = snapshot.problems;
    expect(problem).toMatchObject({
      code,
      severity: 'error',
      where: { file: 'm.yaml', line: linesWith([text], line)[0] },
    });
    expect(problem?.advice).toContain(advice);
    expect(snapshot.workloads.size).toBe(0);
  });

  test('loopback is no address of a pod that is captured', () => {
    const snapshot = read(pod('atelier', 'web', { ip: '127.0.1.1' }));
    expect(snapshot.problems).toMatchObject([{ code: 'bad-value', path: 'status.podIPs[0].ip' }]);
    expect(snapshot.workloads.size).toBe(0);
  });

  test('an outbound address of what may not be called is told, and changes nothing', () => {
    const snapshot = read(
      pod('atelier', 'web', { ...explicit, outbound: 'notaire/db=127.9.0.1' }),
      ...services.slice(0, 1),
    );
    expect(snapshot.problems).toMatchObject([{ code: 'dangling-reference', severity: 'warning' }]);
    expect([...(snapshot.explicitAddresses.get('atelier/web-1')?.keys() ?? [])]).toEqual(['atelier/web']);
  });
});

describe('an address that is claimed twice is nobody’s, and both are told', () => {
  const explicit = (namespace: string, name: string, written: Written) =>
    pod(namespace, name, { capture: 'explicit', ...written });

  test.each<{ what: string; pods: readonly [string, string] }>([
    {
      what: 'two sidecars, also of two tenants',
      pods: [
        explicit('atelier', 'web', { ip: '127.0.1.1', application: '127.0.5.1' }),
        explicit('notaire', 'web', { ip: '127.0.1.1', application: '127.0.5.2' }),
      ],
    },
    {
      what: 'two applications',
      pods: [
        explicit('atelier', 'web', { ip: '127.0.1.1', application: '127.0.5.1' }),
        explicit('notaire', 'web', { ip: '127.0.1.2', application: '127.0.5.1' }),
      ],
    },
    {
      what: 'a sidecar and another’s application',
      pods: [
        explicit('atelier', 'web', { ip: '127.0.1.1', application: '127.0.5.1' }),
        explicit('notaire', 'web', { ip: '127.0.5.1', application: '127.0.5.2' }),
      ],
    },
  ])('$what', ({ pods }) => {
    const { workloads, problems } = read(...pods);
    expect([...workloads.keys()]).toEqual([]);
    expect(problems.map(({ code, object }) => `${code} ${object?.namespace}`)).toEqual([
      'address-conflict atelier',
      'address-conflict notaire',
    ]);
    for (const { message, object } of problems) {
      expect(message).not.toContain(object?.namespace === 'atelier' ? 'notaire' : 'atelier');
    }
  });

  test('two ways out: each sidecar keeps its others', () => {
    const texts = [
      explicit('atelier', 'web', { ip: '127.0.1.1', application: '127.0.5.1', outbound: 'atelier/web=127.9.0.1' }),
      explicit('atelier', 'api', { ip: '127.0.1.2', application: '127.0.5.2', outbound: 'atelier/web=127.9.0.1' }),
    ];
    const { explicitAddresses, problems } = read(...texts, ...services);
    expect(problems.map(({ code, where }) => [code, where.line])).toEqual(
      linesWith(texts, 'outbound-addresses').map((line) => ['address-conflict', line]),
    );
    for (const key of ['atelier/web-1', 'atelier/api-1']) {
      expect([...(explicitAddresses.get(key)?.keys() ?? [])]).toEqual(['atelier/api']);
    }
  });

  test('a way out and somebody’s application: only the way out is closed', () => {
    const texts = [
      explicit('atelier', 'web', { ip: '127.0.1.1', application: '127.0.5.1', outbound: 'atelier/web=127.0.5.2' }),
      explicit('atelier', 'api', { ip: '127.0.1.2', application: '127.0.5.2' }),
    ];
    const { workloads, explicitAddresses, problems } = read(...texts, ...services);
    expect(problems).toMatchObject([{ code: 'address-conflict', object: { name: 'web-1' } }]);
    expect([...workloads.keys()]).toEqual(['atelier/api-1', 'atelier/web-1']);
    expect([...(explicitAddresses.get('atelier/web-1')?.keys() ?? [])]).toEqual(['atelier/api']);
  });
});

test.each(['127.9.0.1/24', '127.9.0.0/7', '10.9.0.0/16', '127.9.0.300/24'])(
  '`%s` is no range to allocate from',
  (range) => {
    const { problems } = parseDocument(
      mesh.replace('mesh.test', `mesh.test, explicit: { outboundRange: ${range} }`),
      'm.yaml',
    );
    expect(problems).toMatchObject([{ code: 'bad-value', path: 'spec.explicit.outboundRange', where: { line: 4 } }]);
  },
);

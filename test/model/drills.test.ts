/** Drills and consents to them: which exist, which cannot be written, and what their authors are told. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { defaultDrillRules } from '../../src/model/drill.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { completeObjects } from './complete-objects.ts';
import { grant, pod, service, tenant } from './written.ts';

const meshText = (drills: string) => `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: {name: default}
spec:
  trustDomain: prod.example
  dns: {resolvers: [10.96.9.9, 10.0.9.9]}
  drills: {${drills}}
`;
const houseRules =
  'probeTargets: ["http://10.0.0.5:9090", "10.0.0.5:9000"], prometheusUrl: "http://10.0.0.6:9090", protectedTenants: [payments]';

const world = [
  tenant('shop'),
  tenant('billing'),
  tenant('payments'),
  tenant('lab', 'staging'),
  pod('shop', 'api', '10.0.1.1'),
  service('shop', 'api', '10.96.1.1', { app: 'api' }).replace('ports: [', 'ports: [{name: tcp, port: 5432}, '),
  pod('billing', 'invoicer', '10.0.2.1', 'invoicer'),
  // Who answers DNS, by its virtual address, by its own, and beside another service.
  pod('shop', 'dns', '10.0.1.9', 'dns'),
  service('shop', 'dns', '10.96.9.9', { app: 'dns' }),
  service('shop', 'dns-metrics', '10.96.1.8', { app: 'dns' }).replace('port: 80', 'port: 9153'),
  pod('billing', 'own-dns', '10.0.9.9', 'own-dns'),
];

function read(text: string, { house = houseRules, nowMs }: { house?: string; nowMs?: number } = {}) {
  const { objects, problems } = parseDocument([meshText(house), ...world, text].join('---\n'), 'mesh.yaml');
  const snapshot = buildSnapshot(objects, nowMs);
  const all = [...problems, ...snapshot.problems].filter(({ severity }) => severity === 'error');
  return { snapshot, problems, told: all.map(({ code, path }) => `${code} ${path}`), says: all.map(words).join('\n') };
}

function words({ message, advice }: { readonly message: string; readonly advice: string }): string {
  return `${message}; ${advice}`;
}

type Edit = readonly [found: string, instead: string];

function edited(text: string, edits: readonly Edit[]): string {
  return edits.reduce((before, [found, instead]) => {
    if (!before.includes(found)) throw new Error(`the text has no ${JSON.stringify(found)}`);
    return before.replace(found, instead);
  }, text);
}

/** From the one words on, up to the others. */
function part(text: string, from: string, to: string): string {
  return text.slice(text.indexOf(from), text.indexOf(to));
}

const drill = completeObjects.Drill;
const consent = completeObjects.DrillConsent;
const withMethod = (method: string): Edit => ['abort:\n      status: 503\n      percent: 30', method];

describe('a drill that cannot be written', () => {
  test.each<[sentence: string, edits: readonly Edit[], told: string, says: string]>([
    [
      'without a hypothesis',
      [['  hypothesis: orders succeed when the API fails now and then\n', '']],
      'missing-field spec.hypothesis',
      'what is believed to hold',
    ],
    [
      'with a hypothesis of blanks',
      [['orders succeed when the API fails now and then', '" "']],
      'bad-value spec.hypothesis',
      'not well formed',
    ],
    [
      'without steady state',
      [[part(drill, '  steadyState:', '  abortOn'), '']],
      'missing-field spec.steadyState',
      'all is well',
    ],
    [
      'without a condition that ends it',
      [[part(drill, '  abortOn:', '  duration'), '']],
      'missing-field spec.abortOn',
      'end the fault',
    ],
    [
      'with an empty list of them',
      [[part(drill, 'abortOn:', '  duration'), 'abortOn: []\n']],
      'bad-value spec.abortOn',
      'at least 1',
    ],
    ['without an end', [['  duration: 5m\n', '']], 'missing-field spec.duration', 'how long the fault lasts'],
    [
      'without a bound',
      [['    percent: 50\n', '']],
      'missing-field spec.blastRadius.percent',
      'share of these callers',
    ],
    [
      'for nobody',
      [['callers:\n      - tenant: billing\n        serviceAccounts:\n          - invoicer', 'callers: []']],
      'bad-value spec.blastRadius.callers',
      'at least 1',
    ],
    ['for 0 percent', [['percent: 50', 'percent: 0']], 'bad-value spec.blastRadius.percent', '1 to 100'],
    ['for 101 percent', [['percent: 50', 'percent: 101']], 'bad-value spec.blastRadius.percent', '1 to 100'],
    ['for half a percent', [['percent: 50', 'percent: 0.5']], 'wrong-type spec.blastRadius.percent', 'integer'],
    ['that strikes 0 percent', [['percent: 30', 'percent: 0']], 'bad-value spec.method.abort.percent', '1 to 100'],
    ['that strikes 101 percent', [['percent: 30', 'percent: 101']], 'bad-value spec.method.abort.percent', '1 to 100'],
    ['without a method', [withMethod('{}')], 'bad-value spec.method', 'exactly one'],
    [
      'with two methods',
      [withMethod('openBreaker: {}\n    throttleBreaker: {limit: 1}')],
      'bad-value spec.method',
      'only one of them',
    ],
    ['that answers 200', [['status: 503', 'status: 200']], 'bad-value spec.method.abort.status', '400'],
    ['that answers 600', [['status: 503', 'status: 600']], 'bad-value spec.method.abort.status', '599'],
    [
      'that holds back for more than a minute',
      [withMethod('delay: {duration: 61s, percent: 1}')],
      'bad-value spec.method.delay.duration',
      '`1ms` and `1m`',
    ],
    [
      'that throttles to none',
      [withMethod('throttleBreaker: {limit: 0}')],
      'bad-value spec.method.throttleBreaker.limit',
      '>= 1',
    ],
    [
      'that ejects none',
      [withMethod('ejectEndpoint: {count: 0}')],
      'bad-value spec.method.ejectEndpoint.count',
      '>= 1',
    ],
    [
      'that lasts less than a second',
      [['duration: 5m', 'duration: 999ms']],
      'bad-value spec.duration',
      '`1s` and `24h`',
    ],
    ['that lasts more than a day', [['duration: 5m', 'duration: 25h']], 'bad-value spec.duration', '`1s` and `24h`'],
    [
      'that lasts forever',
      [['duration: 5m', 'duration: 99999999999999h']],
      'bad-value spec.duration',
      '`1s` and `24h`',
    ],
    ['that looks for too short', [['observe: 1m', 'observe: 1ms']], 'bad-value spec.observe', '`1s` and `1h`'],
    [
      'whose probe tolerates everything',
      [['tolerance:\n        atLeast: 0.99', 'tolerance: {}']],
      'bad-value spec.steadyState[0].tolerance',
      'says nothing',
    ],
    [
      'whose probe tolerates nothing',
      [['atLeast: 0.99', 'atLeast: 2\n        atMost: 1']],
      'bad-value spec.steadyState[0].tolerance',
      'no value',
    ],
    [
      'whose probe asks two',
      [['grpcHealth:', 'promql: {query: up}\n        grpcHealth:']],
      'bad-value spec.steadyState[2].source',
      '`promql`',
    ],
    [
      'whose probes share a name',
      [['name: cart-serves', 'name: orders-succeed']],
      'bad-value spec.steadyState[2].name',
      'two probes',
    ],
    [
      'whose probe is silent at once',
      [
        ['silence: 3s', 'silence: 1s'],
        ['interval: 500ms', 'interval: 2s'],
      ],
      'bad-value spec.steadyState[0]',
      'second look',
    ],
    [
      'whose traffic probe is silent before a proxy has reported',
      [['silence: 3s', 'silence: 2999ms']],
      'bad-value spec.steadyState[0].silence',
      'first load report of the callers’ proxies, which comes one to two seconds after the first look; write at least `3s`',
    ],
    [
      'whose traffic is observed for too short before',
      [['observe: 1m', 'observe: 2999ms']],
      'bad-value spec.observe',
      '`orders-succeed` would have no value and the drill never begin; write at least `3s`',
    ],
    [
      'whose traffic probe looks once while it is observed',
      [
        ['interval: 500ms', 'interval: 4s'],
        ['silence: 3s', 'silence: 5s'],
        ['observe: 1m', 'observe: 4s'],
      ],
      'bad-value spec.steadyState[0].interval',
      'shorter than `observe`',
    ],
    [
      'whose probe looks too often',
      [['interval: 500ms', 'interval: 1ms']],
      'bad-value spec.steadyState[0].interval',
      '`100ms` and `1m`',
    ],
    [
      'whose probe has a password',
      [['url: http://', 'url: http://a:b@']],
      'bad-value spec.steadyState[1].source.http.url',
      'without a user',
    ],
    [
      'whose probe is no URL',
      [['http://10.0.0.5:9090/healthz', 'http://[']],
      'bad-value spec.steadyState[1].source.http.url',
      'no address',
    ],
    [
      'that is aborted by a probe it lacks',
      [['- probe: orders-succeed', '- probe: orders-suceed']],
      'dangling-reference spec.abortOn[0].probe',
      'did you mean `orders-succeed`?',
    ],
    [
      'that is aborted by a probe of before',
      [['        - before\n        - during\n', '        - before\n']],
      'bad-value spec.abortOn[0].probe',
      'add `during`',
    ],
    [
      'that is aborted by both in one',
      [['- probe: orders-succeed\n    - alert', '- probe: orders-succeed\n      alert']],
      'bad-value spec.abortOn[0]',
      'only one of them',
    ],
    [
      'that names a runtime key',
      [withMethod('runtime: {envoy.reloadable_features.x: 1}')],
      'unknown-field spec.method.runtime',
      'the fields here are',
    ],
    [
      'whose service is a runtime key',
      [['service: api', 'service: envoy.reloadable_features.x']],
      'bad-value spec.target.service',
      'not well formed',
    ],
  ])('is one %s', (_sentence, edits, told, says) => {
    const { snapshot, problems } = read(edited(drill, edits));
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toContain(told);
    expect(problems.map(words).join('\n')).toContain(says);
    expect([...snapshot.drills.keys()]).toEqual([]);
  });
});

describe('a drill that could never be allowed', () => {
  test.each<[sentence: string, edits: readonly Edit[], told: string, says: string]>([
    [
      'strikes a service that is not there',
      [['service: api', 'service: apo']],
      'dangling-reference spec.target.service',
      'did you mean `api`?',
    ],
    [
      'strikes a port that is not there',
      [['port: 80', 'port: 81']],
      'dangling-reference spec.target.port',
      'its ports are 80, 5432',
    ],
    ['aborts on a port of bytes', [['port: 80', 'port: 5432']], 'bad-value spec.method.abort', 'use `openBreaker`'],
    [
      'delays on a port of bytes',
      [['port: 80', 'port: 5432'], withMethod('delay: {duration: 1s, percent: 1}')],
      'bad-value spec.method.delay',
      'is TCP',
    ],
    [
      'ejects on a port of bytes',
      [['port: 80', 'port: 5432'], withMethod('ejectEndpoint: {count: 1}')],
      'bad-value spec.method.ejectEndpoint',
      'is TCP',
    ],
    [
      'wants the latency of bytes',
      [['port: 80', 'port: 5432'], withMethod('openBreaker: {}'), ['metric: successRate', 'metric: p95']],
      'bad-value spec.steadyState[0].source.traffic.metric',
      '`p95` would never have a value; measure `successRate`',
    ],
    [
      'is of a namespace that nobody owns',
      [['namespace: shop', 'namespace: nobody']],
      'missing-tenant metadata.namespace',
      'write a `Tenant`',
    ],
    [
      'is of a tenant that is protected',
      [['namespace: shop', 'namespace: payments']],
      'protected-tenant metadata.namespace',
      '`drills.protectedTenants`',
    ],
    [
      'is of kube-system',
      [['namespace: shop', 'namespace: kube-system']],
      'protected-tenant metadata.namespace',
      'never drilled',
    ],
    [
      'is of Coffre itself',
      [['namespace: shop', 'namespace: coffre-system']],
      'protected-tenant metadata.namespace',
      'the mesh itself depends',
    ],
    [
      'is felt by a tenant that is protected',
      [['tenant: billing', 'tenant: payments']],
      'protected-tenant spec.blastRadius.callers[0].tenant',
      'never drilled',
    ],
    [
      'is felt by the authorization service',
      [['tenant: billing', 'tenant: coffre-system']],
      'protected-tenant spec.blastRadius.callers[0].tenant',
      'never drilled',
    ],
    [
      'is felt by a tenant that is not there',
      [['tenant: billing', 'tenant: bilding']],
      'dangling-reference spec.blastRadius.callers[0].tenant',
      'check the name',
    ],
    [
      'is felt in another environment',
      [['tenant: billing', 'tenant: lab']],
      'environment-wall spec.blastRadius.callers[0].tenant',
      'never meet',
    ],
    [
      'is felt by an account that is not there',
      [['- invoicer', '- invoicers']],
      'dangling-reference spec.blastRadius.callers[0].serviceAccounts[0]',
      'nobody runs under',
    ],
    ['strikes DNS', [['service: api', 'service: dns']], 'protected-tenant spec.target.service', 'answers DNS'],
    [
      'strikes DNS by another name',
      [
        ['service: api', 'service: dns-metrics'],
        ['port: 80', 'port: 9153'],
      ],
      'protected-tenant spec.target.service',
      'answers DNS',
    ],
    [
      'is felt by DNS',
      [['- invoicer', '- own-dns']],
      'protected-tenant spec.blastRadius.callers[0].serviceAccounts[0]',
      'answers DNS',
    ],
    [
      'is felt by DNS among all of a tenant',
      [['\n        serviceAccounts:\n          - invoicer', '']],
      'protected-tenant spec.blastRadius.callers[0]',
      'by service account',
    ],
    [
      'asks whom nobody may ask by HTTP',
      [['10.0.0.5:9090/healthz', '169.254.169.254/latest']],
      'probe-not-allowed spec.steadyState[1].source.http.url',
      '`http://169.254.169.254`',
    ],
    [
      'asks an allowed host on another port',
      [['10.0.0.5:9090/healthz', '10.0.0.5:9091/healthz']],
      'probe-not-allowed spec.steadyState[1].source.http.url',
      '`drills.probeTargets`',
    ],
    [
      'asks an allowed host by another scheme',
      [['http://10.0.0.5:9090/healthz', 'https://10.0.0.5:9090/healthz']],
      'probe-not-allowed spec.steadyState[1].source.http.url',
      '`https://10.0.0.5:9090`',
    ],
    [
      'asks whom nobody may ask by gRPC',
      [['address: 10.0.0.5:9000', 'address: 10.0.0.5:22']],
      'probe-not-allowed spec.steadyState[2].source.grpcHealth.address',
      '`10.0.0.5:22`',
    ],
  ])('%s', (_sentence, edits, told, says) => {
    const found = read(edited(drill, edits));
    expect(found.told).toEqual([told]);
    expect(found.says).toContain(says);
    expect([...found.snapshot.drills.keys()]).toEqual([]);
  });

  test('asks a Prometheus that the mesh does not name', () => {
    const { told } = read(drill, { house: 'probeTargets: ["http://10.0.0.5:9090", "10.0.0.5:9000"]' });
    expect(told).toEqual(['probe-not-allowed spec.steadyState[3].source.promql']);
  });

  test('is told where it was written', () => {
    const { snapshot } = read(edited(drill, [['service: api', 'service: apo']]));
    const [problem] = snapshot.problems.filter(({ object }) => object?.kind === 'Drill');
    const lines = [meshText(houseRules), ...world, drill].join('---\n').split('\n');
    expect(problem?.where).toEqual({ file: 'mesh.yaml', line: lines.lastIndexOf('    service: api') + 1 });
  });
});

describe('a drill that exists', () => {
  test.each<[sentence: string, edits: readonly Edit[]]>([
    ['of three seconds, in which a proxy has reported', [['observe: 1m', 'observe: 3s']]],
    [
      'of one second, where traffic is judged during the fault alone',
      [
        ['observe: 1m', 'observe: 1s'],
        ['        - before\n        - during\n', '        - during\n'],
      ],
    ],
  ])('may have an observation %s', (_sentence, edits) => {
    expect(read(edited(drill, edits)).told).toEqual([]);
  });

  test('says everything that its author wrote', () => {
    const { snapshot, told } = read(drill);
    expect(told).toEqual([]);
    expect(snapshot.drills.get('shop/api-fails')).toMatchObject({
      key: 'shop/api-fails',
      tenant: 'shop',
      risk: 'the API fails',
      mitigation: 'callers try again',
      target: { service: 'shop/api', port: 80 },
      method: { kind: 'abort', status: 503, percent: 30 },
      radius: { callers: [{ tenant: 'billing', serviceAccounts: ['invoicer'] }], percent: 50 },
      steadyState: [
        {
          name: 'orders-succeed',
          phases: ['before', 'during'],
          source: { kind: 'traffic', metric: 'successRate', group: 'control' },
          tolerance: { atLeast: 0.99 },
          intervalMs: 500,
          silenceMs: 3_000,
        },
        {
          phases: ['before', 'during', 'after'],
          source: { kind: 'http', url: 'http://10.0.0.5:9090/healthz', expectStatus: 204, metric: 'latency' },
          intervalMs: 1_000,
          silenceMs: 5_000,
        },
        { source: { kind: 'grpcHealth', address: '10.0.0.5:9000', service: 'shop.v1.Cart' } },
        { source: { kind: 'promql', query: 'sum(rate(orders_total[1m]))' } },
      ],
      abortOn: [
        { kind: 'probe', probe: 'orders-succeed' },
        { kind: 'alert', name: 'OrdersFailing' },
      ],
      durationMs: 300_000,
      observeMs: 60_000,
    });
  });

  test.each([
    ['openBreaker: {}', { kind: 'openBreaker' }],
    ['throttleBreaker: {limit: 5}', { kind: 'throttleBreaker', limit: 5 }],
    ['delay: {duration: 2s, percent: 100}', { kind: 'delay', delayMs: 2_000, percent: 100 }],
    ['ejectEndpoint: {count: 2}', { kind: 'ejectEndpoint', count: 2 }],
  ])('strikes by %s', (method, wanted) => {
    expect(read(edited(drill, [withMethod(method)])).snapshot.drills.get('shop/api-fails')?.method).toEqual(wanted);
  });

  test('opens or throttles breakers on a port of bytes', () => {
    for (const method of ['openBreaker: {}', 'throttleBreaker: {limit: 5}']) {
      const { told, snapshot } = read(edited(drill, [['port: 80', 'port: 5432'], withMethod(method)]));
      expect(told).toEqual([]);
      expect(snapshot.drills.size).toBe(1);
    }
  });

  test('keeps its hash over labels and formatting, and changes it with anything that it does', () => {
    const hashOf = (edits: readonly Edit[]) => read(edited(drill, edits)).snapshot.drills.get('shop/api-fails')?.hash;
    const hash = hashOf([]);
    expect(hashOf([['name: api-fails', 'labels: {team: shop}\n  name: api-fails']])).toBe(hash);
    expect(hashOf([['duration: 5m', 'duration: 6m']])).not.toBe(hash);
    expect(hashOf([['atLeast: 0.99', 'atLeast: 0.98']])).not.toBe(hash);
  });

  test('may ask the Prometheus of the mesh by HTTP as well', () => {
    expect(read(edited(drill, [['10.0.0.5:9090/healthz', '10.0.0.6:9090/-/healthy']])).told).toEqual([]);
  });
});

describe('a consent', () => {
  test('says everything that its author wrote', () => {
    const { snapshot, told } = read(consent);
    expect(told).toEqual([]);
    expect(snapshot.drillConsents.get('shop/game-days')).toMatchObject({
      tenant: 'shop',
      asTarget: {
        services: new Set(['shop/api']),
        callerTenants: new Set(['billing']),
        methods: new Set(['abort', 'delay']),
        maxDurationMs: 600_000,
        maxPercent: 50,
      },
      asCaller: {
        targetTenants: new Set(['shop']),
        methods: new Set(['openBreaker']),
        maxDurationMs: 300_000,
        maxPercent: 100,
      },
      windows: [{ days: new Set([2, 4]), fromMinute: 540, toMinute: 1_020 }],
      notAfterMs: Date.UTC(2027, 0, 31, 18),
    });
  });

  test('may last until midnight', () => {
    const { snapshot } = read(edited(consent, [['"17:00"', '"24:00"']]));
    expect(snapshot.drillConsents.get('shop/game-days')?.windows[0]?.toMinute).toBe(1_440);
  });

  test.each<[sentence: string, edits: readonly Edit[], told: string]>([
    ['in hours that run backwards', [['"17:00"', '"08:00"']], 'bad-value spec.windows[0]'],
    ['in hours of no length', [['"17:00"', '"09:00"']], 'bad-value spec.windows[0]'],
    ['in hours that no clock shows', [['"17:00"', '"25:00"']], 'bad-value spec.windows[0].to'],
    ['until a day that no calendar has', [['2027-01-31T', '2027-13-31T']], 'bad-value spec.notAfter'],
    ['to 0 percent', [['maxPercent: 50', 'maxPercent: 0']], 'bad-value spec.asTarget.maxPercent'],
    ['to 101 percent', [['maxPercent: 50', 'maxPercent: 101']], 'bad-value spec.asTarget.maxPercent'],
    ['to more than a day', [['maxDuration: 10m', 'maxDuration: 25h']], 'bad-value spec.asTarget.maxDuration'],
    ['to a method that nobody knows', [['- delay', '- explode']], 'bad-value spec.asTarget.methods[1]'],
    ['to nothing', [[part(consent, '  asTarget:', '  windows'), '']], 'missing-field spec'],
    [
      'for a tenant that is protected',
      [['namespace: shop', 'namespace: payments']],
      'protected-tenant metadata.namespace',
    ],
    ['for kube-system', [['namespace: shop', 'namespace: kube-system']], 'protected-tenant metadata.namespace'],
    [
      'for a namespace that nobody owns',
      [['namespace: shop', 'namespace: nobody']],
      'missing-tenant metadata.namespace',
    ],
  ])('%s is none', (_sentence, edits, told) => {
    const found = read(edited(consent, edits));
    expect(found.told).toEqual([told]);
    expect([...found.snapshot.drillConsents.keys()]).toEqual([]);
  });

  test('to what is not there yet waits for it, and its author is told', () => {
    const { snapshot } = read(
      edited(consent, [
        ['- api', '- later'],
        ['- billing', '- payments'],
        ['- shop', '- nobody'],
      ]),
    );
    expect(snapshot.problems.filter(({ object }) => object?.kind === 'DrillConsent')).toMatchObject([
      { severity: 'warning', code: 'dangling-reference', path: 'spec.asTarget.services[0]' },
      { severity: 'warning', code: 'protected-tenant', path: 'spec.asTarget.callerTenants[0]' },
      { severity: 'warning', code: 'dangling-reference', path: 'spec.asCaller.targetTenants[0]' },
    ]);
    expect(snapshot.drillConsents.size).toBe(1);
  });

  test('that ends by the clock is gone, is told, and moves the revision', () => {
    const endMs = Date.UTC(2027, 0, 31, 18);
    const [before, after] = [read(consent, { nowMs: endMs - 1 }), read(consent, { nowMs: endMs })].map(
      (each) => each.snapshot,
    );
    expect(before?.drillConsents.size).toBe(1);
    expect(after?.drillConsents.size).toBe(0);
    expect(after?.problems.map(({ severity, code }) => `${severity} ${code}`)).toContain('warning expired-consent');
    expect(after?.revision).not.toBe(before?.revision);
  });

  test('that ends beside a grant of the same name is not taken for it', () => {
    const end = 'notAfter: 2027-01-31T18:00:00Z';
    const grantText = grant('shop', 'game-days', 'billing', 'api', '', end);
    const nowMs = Date.UTC(2028, 0, 1);
    const endless = (text: string) => edited(text, [[end, 'notAfter: 2029-01-31T18:00:00Z']]);
    const revisions = [`${grantText}---\n${endless(consent)}`, `${endless(grantText)}---\n${consent}`].map(
      (text) => read(text, { nowMs }).snapshot.revision,
    );
    expect(new Set(revisions).size).toBe(2);
  });
});

describe('the house rules', () => {
  test('are the defaults where nothing is written, and what is written otherwise', () => {
    expect(read('', { house: '' }).snapshot.mesh.drills).toEqual(defaultDrillRules);
    const house = `halted: true, maxDuration: 1h, maxConcurrent: 2, secondPersonAbove: {percent: 0}, ${houseRules}`;
    expect(read('', { house }).snapshot.mesh.drills).toEqual({
      halted: true,
      maxDurationMs: 3_600_000,
      maxConcurrent: 2,
      secondPersonAbove: { percent: 0, callers: 20 },
      protectedTenants: new Set(['payments']),
      probeTargets: new Set(['http://10.0.0.5:9090', '10.0.0.5:9000']),
      prometheusUrl: 'http://10.0.0.6:9090',
    });
  });

  test('know a probe target by one spelling', () => {
    const { probeTargets } = read('', {
      house: 'probeTargets: ["HTTP://A.example:80", "B.example:90"]'.replace('HTTP', 'http'),
    }).snapshot.mesh.drills;
    expect([...probeTargets]).toEqual(['http://a.example', 'b.example:90']);
  });

  test.each([
    ['maxDuration: 25h', 'bad-value spec.drills.maxDuration'],
    ['maxConcurrent: 0', 'bad-value spec.drills.maxConcurrent'],
    ['probeTargets: ["http://10.0.0.5/path"]', 'bad-value spec.drills.probeTargets[0]'],
    ['probeTargets: ["10.0.0.5:99999"]', 'bad-value spec.drills.probeTargets[0]'],
    ['prometheusUrl: "http://user:secret@10.0.0.6"', 'bad-value spec.drills.prometheusUrl'],
    ['prometheusUrl: "file:///etc/passwd"', 'bad-value spec.drills.prometheusUrl'],
  ])('that say %s are none, and there is no mesh', (house, told) => {
    const found = read('', { house });
    expect(found.told).toEqual([told, 'missing-mesh ']);
  });
});

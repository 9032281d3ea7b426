import { expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { defaultEvidenceRules } from '../../src/model/evidence-rules.ts';
import { parseDocument } from '../../src/model/parse-document.ts';

const mesh = `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: prod.example
`;

function read(more = '') {
  const { objects, problems } = parseDocument(`${mesh}${more}`, 'mesh.yaml');
  return { mesh: buildSnapshot(objects).mesh, problems };
}

test('a mesh that says nothing keeps refusals a quarter of a year and samples one request in a hundred', () => {
  const { mesh, problems } = read();
  expect(problems).toEqual([]);
  expect(mesh.evidence).toBe(defaultEvidenceRules);
  expect(mesh.evidence.retention.security).toBe(90 * 86_400_000);
  expect(mesh.evidence.samplePercent).toBe(1);
  expect(mesh.tracing).toBeUndefined();
  expect(mesh.scrapers).toEqual([]);
});

test('one class written leaves the others at their default', () => {
  const { mesh } = read('  evidence: { retention: { traffic: 1h }, samplePercent: 0 }\n');
  expect(mesh.evidence).toEqual({
    ...defaultEvidenceRules,
    retention: { ...defaultEvidenceRules.retention, traffic: 3_600_000 },
    samplePercent: 0,
  });
});

test('each kind of sink gets what was left out', () => {
  const { mesh, problems } = read(`  evidence:
    sinks:
      - { name: lines, to: { file: { path: /var/log/events.jsonl } } }
      - { name: out, classes: [audit], to: { stdout: true } }
      - { name: old, to: { syslog: { address: siem.example } } }
      - { name: new, to: { http: { url: 'http://127.0.0.1:8088/in' } } }
`);
  expect(problems).toEqual([]);
  expect(mesh.evidence.sinks).toEqual([
    { name: 'lines', kind: 'file', path: '/var/log/events.jsonl', rotateBytes: 64_000_000, keep: 8 },
    { name: 'out', classes: ['audit'], kind: 'stdout' },
    { name: 'old', kind: 'syslog', address: 'siem.example', port: 6_514, serverName: 'siem.example' },
    { name: 'new', kind: 'http', url: 'http://127.0.0.1:8088/in' },
  ]);
});

test('a collector gets the port of OTLP and its own address as name', () => {
  const { mesh } = read('  tracing: { collector: { address: otel.example } }\n');
  expect(mesh.tracing).toEqual({
    collector: { address: 'otel.example', port: 4_317, serverName: 'otel.example' },
    samplePercent: 1,
  });
});

test.each([
  ['a body kept for less than an hour', '{ retention: { audit: 59m } }', 'spec.evidence.retention.audit'],
  ['a body kept for longer than ten years', '{ retention: { audit: 87601h } }', 'spec.evidence.retention.audit'],
  ['no destination', '{ sinks: [{ name: a, to: {} }] }', 'spec.evidence.sinks[0].to'],
  [
    'two destinations',
    '{ sinks: [{ name: a, to: { stdout: true, file: { path: /x } } }] }',
    'spec.evidence.sinks[0].to',
  ],
  [
    'two sinks of one name',
    '{ sinks: [{ name: a, to: { stdout: true } }, { name: a, to: { stdout: true } }] }',
    'spec.evidence.sinks[1].name',
  ],
  [
    'plaintext to another host',
    '{ sinks: [{ name: a, to: { http: { url: "http://siem.example/in" } } }] }',
    'spec.evidence.sinks[0].to.http.url',
  ],
  [
    'plaintext to a host that is named like loopback',
    '{ sinks: [{ name: a, to: { http: { url: "http://127.0.0.1.evil.example/in" } } }] }',
    'spec.evidence.sinks[0].to.http.url',
  ],
  [
    'a password in a URL',
    '{ sinks: [{ name: a, to: { http: { url: "https://user:word@siem.example" } } }] }',
    'spec.evidence.sinks[0].to.http.url',
  ],
  ['a share beyond all', '{ samplePercent: 101 }', 'spec.evidence.samplePercent'],
])('%s is refused where it stands', (_, evidence, path) => {
  const { problems } = read(`  evidence: ${evidence}\n`);
  expect(problems.map((problem) => problem.path)).toContain(path);
});

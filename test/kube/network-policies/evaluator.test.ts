/** The evaluator of the tests, held to the specification: what it gets wrong, every test beside it gets wrong. */
import { expect, test } from 'vitest';
import { type Connection, type Place, type Policy, passes } from './evaluator.ts';

const web: Place = { kind: 'pod', namespace: 'shop', labels: { app: 'web' }, address: '10.0.0.1' };
const api: Place = { kind: 'pod', namespace: 'shop', labels: { app: 'api' }, address: '10.0.0.2' };
const other: Place = { kind: 'pod', namespace: 'bank', labels: { app: 'web' }, address: '10.0.1.1' };
const outside: Place = { kind: 'address', address: '203.0.113.9' };
const named = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } });
const policy = (spec: Partial<Policy['spec']>): Policy => ({
  metadata: { namespace: 'shop' },
  spec: { podSelector: { matchLabels: { app: 'api' } }, ...spec },
});

const cases: readonly (readonly [string, readonly Policy[], Connection, boolean])[] = [
  ['a pod that no policy selects is open', [], { from: web, to: api, port: 80 }, true],
  ['a policy without rules closes', [policy({})], { from: web, to: api, port: 80 }, false],
  ['a policy closes its own pods alone', [policy({})], { from: api, to: web, port: 80 }, true],
  ['a policy of ingress says nothing of egress', [policy({})], { from: api, to: outside, port: 80 }, true],
  [
    'a policy closes its own namespace alone',
    [policy({ podSelector: {} })],
    { from: outside, to: other, port: 80 },
    true,
  ],
  [
    'with egress rules it is of both directions',
    [policy({ egress: [{ to: [{ podSelector: {} }] }] })],
    { from: api, to: outside, port: 80 },
    false,
  ],
  ['types say which', [policy({ policyTypes: ['Egress'] })], { from: web, to: api, port: 80 }, true],
  [
    'a rule without peers is open to all',
    [policy({ ingress: [{ ports: [{ port: 80 }] }] })],
    { from: outside, to: api, port: 80 },
    true,
  ],
  [
    'a rule without ports is open on all',
    [policy({ ingress: [{ from: [{ podSelector: {} }] }] })],
    { from: web, to: api, port: 9 },
    true,
  ],
  [
    'a selector of pods means the own namespace',
    [policy({ ingress: [{ from: [{ podSelector: {} }] }] })],
    { from: other, to: api, port: 80 },
    false,
  ],
  [
    'a selector of namespaces means all their pods',
    [policy({ ingress: [{ from: [{ namespaceSelector: named('bank') }] }] })],
    { from: other, to: api, port: 80 },
    true,
  ],
  [
    'two selectors of one peer both hold',
    [
      policy({
        ingress: [{ from: [{ namespaceSelector: named('bank'), podSelector: { matchLabels: { app: 'db' } } }] }],
      }),
    ],
    { from: other, to: api, port: 80 },
    false,
  ],
  [
    'a port is of its protocol',
    [policy({ ingress: [{ ports: [{ protocol: 'UDP', port: 80 }] }] })],
    { from: web, to: api, port: 80 },
    false,
  ],
  [
    'a range of ports has an end',
    [policy({ ingress: [{ ports: [{ port: 80, endPort: 90 }] }] })],
    { from: web, to: api, port: 91 },
    false,
  ],
  [
    'a range of ports holds what is between',
    [policy({ ingress: [{ ports: [{ port: 80, endPort: 90 }] }] })],
    { from: web, to: api, port: 85 },
    true,
  ],
  [
    'a block is of addresses, pods too',
    [policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/24' } }] }] })],
    { from: web, to: api, port: 80 },
    true,
  ],
  [
    'what is excepted is not in the block',
    [policy({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/31'] } }] }] })],
    { from: web, to: api, port: 80 },
    false,
  ],
  [
    'an address is no pod',
    [policy({ ingress: [{ from: [{ namespaceSelector: {} }] }] })],
    { from: outside, to: api, port: 80 },
    false,
  ],
  ['policies are a union', [policy({}), policy({ ingress: [{}] })], { from: web, to: api, port: 80 }, true],
  [
    'both sides must be open',
    [policy({ ingress: [{}] }), policy({ podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Egress'] })],
    { from: web, to: api, port: 80 },
    false,
  ],
  [
    'a label that must not be there',
    [policy({ podSelector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } })],
    { from: web, to: api, port: 80 },
    true,
  ],
];

test.each(cases)('%s', (_sentence, policies, connection, want) => {
  expect(passes(policies, connection)).toBe(want);
});

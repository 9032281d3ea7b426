/** Each detector by a table: what is enough, what is not, who is meant, and who may read it. */
import { expect, test } from 'vitest';
import type { EvidenceEvent, Peer, Target } from '../../src/evidence/event.ts';
import { seriesPerRuleMax } from '../../src/watch/crowd.ts';
import { Watch } from '../../src/watch/watch.ts';

const minuteMs = 60_000;
const web = 'spiffe://mesh.example/ns/shop/sa/web';
const forged = 'spiffe://mesh.example/ns/bank/sa/vault';

interface Shape {
  readonly from?: Peer;
  readonly to?: Target;
  readonly tenant?: string;
  readonly workload?: string;
}

const common = ({ tenant = 'bank', workload }: Shape) => ({ tenant, ...(workload === undefined ? {} : { workload }) });

function denial(shape: Shape, verdict: 'deny' | 'unavailable' = 'deny'): Unstamped {
  const { from = { identity: web }, to = {} } = shape;
  return { kind: 'denial', ...common(shape), verdict, from, to, by: 'proxy', reason: 'tenant-wall' };
}
function plaintext(shape: Shape): Unstamped {
  return { kind: 'plaintext-attempt', ...common(shape), from: shape.from ?? {}, to: shape.to ?? {}, silent: false };
}
function handshake(shape: Shape): Unstamped {
  const { from = {}, to = {} } = shape;
  return { kind: 'handshake-failure', ...common(shape), from, to, sni: 'x', reason: 'certificate unknown' };
}
function undeclared(direction: 'inbound' | 'outbound', shape: Shape): Unstamped {
  return { kind: 'undeclared-port', ...common(shape), direction, from: shape.from ?? {}, to: shape.to ?? {} };
}
function overflow(shape: Shape, flags: readonly string[]): Unstamped {
  return { kind: 'breaker-overflow', ...common(shape), from: shape.from ?? {}, to: shape.to ?? {}, flags };
}
function loss(where: string): Unstamped {
  return { kind: 'loss', tenant: 'coffre-system', where, count: 1, why: 'full' };
}

type WithoutStamp<E> = E extends EvidenceEvent ? Omit<E, 'id' | 'atMs'> : never;
type Unstamped = WithoutStamp<EvidenceEvent>;

/** `everyMs` apart, with ids from `e1`. */
function stamped(events: readonly Unstamped[], everyMs: number, from = { atMs: 1_800_000_000_000, index: 0 }) {
  return events.map((event, index) => ({
    ...event,
    id: `e${from.index + index + 1}`,
    atMs: from.atMs + index * everyMs,
  })) as EvidenceEvent[];
}

const times = (count: number, make: (index: number) => Unstamped) => Array.from({ length: count }, (_, i) => make(i));
const at = (workload: string) =>
  denial({ to: { workload }, workload, tenant: workload.slice(0, workload.indexOf('/')) });
const dial = (address: string) =>
  undeclared('outbound', { tenant: 'shop', workload: 'shop/web-1', from: { workload: 'shop/web-1' }, to: { address } });

const cases: readonly {
  readonly sentence: string;
  readonly events: readonly Unstamped[];
  readonly everyMs?: number;
  /** `detector about tenant`, in order. */
  readonly found: readonly string[];
}[] = [
  {
    sentence: 'an identity that two other tenants turn away moves laterally',
    events: [at('bank/db-1'), at('bank/db-1'), at('notary/api-1')],
    found: [`lateral-movement ${web} coffre-system`],
  },
  {
    sentence: 'an identity that one other tenant turns away made a mistake',
    events: times(4, (index) => at(`bank/db-${index}`)),
    found: [],
  },
  {
    sentence: 'five workloads of other tenants are a series',
    events: times(5, (index) => at(`bank/db-${index}`)),
    found: [`cross-tenant-series ${web} coffre-system`],
  },
  {
    sentence: 'denials inside one tenant are not across tenants',
    events: times(9, (index) => at(`shop/api-${index}`)),
    found: [],
  },
  {
    sentence: 'attempts an hour apart are no series',
    events: times(9, (index) => at(`tenant-${index}/api-1`)),
    everyMs: 60 * minuteMs,
    found: [],
  },
  {
    sentence: 'what the caller’s own sidecar stopped on its way to other tenants counts as well',
    events: ['bank/db-1', 'notary/api-1'].map((workload) =>
      undeclared('outbound', {
        tenant: 'shop',
        workload: 'shop/web-1',
        from: { identity: web, workload: 'shop/web-1' },
        to: { workload, address: '10.0.0.1:1' },
      }),
    ),
    found: [`new-destination shop/web-1 shop`, `lateral-movement ${web} coffre-system`],
  },
  {
    sentence: 'fifty denials in a minute are a burst, told once',
    events: times(300, () => denial({ tenant: 'shop', workload: 'shop/api-1' })),
    everyMs: 1_000,
    found: [`denial-burst ${web} shop`],
  },
  {
    sentence: 'forty-nine denials in a minute are none',
    events: times(49, () => denial({ tenant: 'shop' })),
    everyMs: 1_000,
    found: [],
  },
  {
    sentence: 'a worker that cannot judge accuses no caller',
    events: times(300, () => denial({ tenant: 'shop' }, 'unavailable')),
    found: [],
  },
  {
    sentence: 'three plaintext attempts of a workload of the mesh are told',
    events: times(3, () => plaintext({ from: { workload: 'shop/web-1', address: '10.0.0.9:4000' } })),
    found: ['plaintext-inside shop/web-1 bank'],
  },
  {
    sentence: 'plaintext from outside the mesh is not from inside',
    events: times(30, () => plaintext({ from: { address: '192.0.2.9:4000' } })),
    found: [],
  },
  {
    sentence: 'ten ports of one host are a scan, though nobody proved who it is',
    events: times(10, (port) =>
      undeclared('inbound', {
        from: { claimed: forged, address: '192.0.2.9:4000' },
        to: { address: `10.0.0.1:${port}` },
      }),
    ),
    found: ['undeclared-port-scan 192.0.2.9 coffre-system'],
  },
  {
    sentence: 'the same port again and again is no scan',
    events: times(100, () =>
      undeclared('inbound', { from: { address: '192.0.2.9:4' }, to: { address: '10.0.0.1:1' } }),
    ),
    found: [],
  },
  {
    sentence: 'twenty failed handshakes are about the address, never about who the certificate claims',
    events: times(20, (port) => handshake({ from: { claimed: forged, address: `[2001:db8::1]:${port}` } })),
    found: ['handshake-failures [2001:db8::1] bank'],
  },
  {
    sentence: 'a handshake without an address is about nobody',
    events: times(50, () => handshake({ from: { claimed: forged } })),
    found: [],
  },
  {
    sentence: 'fifty overflows in a minute are a storm, of the caller whose breaker it is',
    events: times(50, () => overflow({ tenant: 'shop', workload: 'shop/web-1' }, ['UO'])),
    found: ['breaker-storm shop/web-1 shop'],
  },
  {
    sentence: 'a destination that cannot be had is no overflow',
    events: times(50, () => overflow({ tenant: 'shop', workload: 'shop/web-1' }, ['UF', 'URX'])),
    found: [],
  },
  {
    sentence: 'each new undeclared destination is told once',
    events: [dial('192.0.2.1:443'), dial('192.0.2.1:443'), dial('192.0.2.2:443')],
    everyMs: minuteMs,
    found: ['new-destination shop/web-1 shop', 'new-destination shop/web-1 shop'],
  },
  {
    sentence: 'many new destinations are a scan, and the first eight are told by themselves',
    events: times(500, (host) => dial(`192.0.2.1:${host}`)),
    found: [...Array<string>(8).fill('new-destination shop/web-1 shop'), 'undeclared-port-scan shop/web-1 shop'],
  },
  {
    sentence: 'lost evidence is told at the first word',
    events: [loss('recorder'), loss('recorder'), loss('proxy shop/web-1')],
    found: ['evidence-loss recorder coffre-system', 'evidence-loss proxy shop/web-1 coffre-system'],
  },
];

for (const { sentence, events, everyMs = 10, found } of cases) {
  test(sentence, () => {
    const watch = new Watch();
    const told = stamped(events, everyMs).flatMap((event) => watch.see(event));
    expect(told.map(({ detector, about, tenant }) => `${detector} ${about} ${tenant}`)).toEqual(found);
    expect(told.map(({ text }) => text).join()).not.toContain(forged);
  });
}

test('a finding names the first ten events, counts all, and says what happened in words', () => {
  const watch = new Watch();
  const events = stamped(
    times(50, () => denial({ tenant: 'shop' })),
    10,
  );
  expect(events.flatMap((event) => watch.see(event))).toMatchInlineSnapshot(`
    [
      {
        "about": "spiffe://mesh.example/ns/shop/sa/web",
        "atMs": 1800000000490,
        "detector": "denial-burst",
        "eventCount": 50,
        "events": [
          "e1",
          "e2",
          "e3",
          "e4",
          "e5",
          "e6",
          "e7",
          "e8",
          "e9",
          "e10",
        ],
        "id": "found-72120add93a38f4f",
        "kind": "detector",
        "severity": "warning",
        "tenant": "shop",
        "text": "\`spiffe://mesh.example/ns/shop/sa/web\` was denied 50 times within a minute: a broken client, or somebody who guesses; \`coffre explain\` with one of the decisions says what it asked for",
      },
    ]
  `);
});

test('an episode ends when it was quiet, and the next one is told again', () => {
  const watch = new Watch();
  const burst = (atMs: number, index: number) =>
    stamped(
      times(60, () => denial({ tenant: 'shop' })),
      10,
      { atMs, index },
    ).flatMap((event) => watch.see(event));
  const startMs = 1_800_000_000_000;
  expect(burst(startMs, 0)).toHaveLength(1);
  expect(burst(startMs + 9 * minuteMs, 100)).toHaveLength(0);
  expect(burst(startMs + 20 * minuteMs, 200)).toHaveLength(1);
});

test('a clock that was set back a little hides nothing, and one that was set back a lot begins anew', () => {
  const startMs = 1_800_000_000_000;
  const told = (backMs: number) => {
    const watch = new Watch();
    const first = stamped(
      times(30, () => denial({ tenant: 'shop' })),
      10,
      { atMs: startMs, index: 0 },
    );
    const second = stamped(
      times(30, () => denial({ tenant: 'shop' })),
      10,
      { atMs: startMs - backMs, index: 30 },
    );
    return [...first, ...second].flatMap((event) => watch.see(event)).length;
  };
  expect(told(30_000)).toBe(1);
  expect(told(60 * minuteMs)).toBe(0);
});

test('somebody who gave a sign a moment ago is not forgotten for a crowd that came before', () => {
  const watch = new Watch();
  const from = (address: string) => handshake({ from: { address } });
  const crowd = times(seriesPerRuleMax - 1, (index) => from(`10.${index >> 8}.${index & 255}.1:1`));
  const [last, ...nineteen] = times(20, () => from('192.0.2.9:1'));
  if (last === undefined) throw new Error('there are twenty');
  const events = stamped([...nineteen, ...crowd, last, ...crowd], 1);
  expect(events.flatMap((event) => watch.see(event)).map(({ about }) => about)).toEqual(['192.0.2.9']);
  expect(watch.parties).toBe(seriesPerRuleMax);
});

test('a sidecar that names a crowd has nobody forgotten of whom the others tell', () => {
  const watch = new Watch();
  const told = (address: string, workload: string) => handshake({ from: { address }, workload });
  const real = times(20, () => told('192.0.2.9:1', 'bank/db-1'));
  const [last, ...nineteen] = real;
  if (last === undefined) throw new Error('there are twenty');
  const crowd = times(seriesPerRuleMax * 2, (index) => told(`10.${index >> 8}.${index & 255}.1:1`, 'shop/liar-1'));
  const found = stamped([...nineteen, ...crowd, last], 1).flatMap((event) => watch.see(event));
  expect(found.map(({ about }) => about)).toEqual(['192.0.2.9']);
});

test.each([
  [
    'one sidecar alone tells of is told with its name',
    ['shop/liar-1'],
    'only the sidecar of `shop/liar-1` tells of this',
  ],
  ['several tell of needs no such word', ['shop/api-1', 'shop/api-2'], undefined],
])('what %s', (_, witnesses, said) => {
  const watch = new Watch();
  const events = stamped(
    times(50, (index) => denial({ tenant: 'shop', workload: witnesses[index % witnesses.length] ?? '' })),
    10,
  );
  const [found] = events.flatMap((event) => watch.see(event));
  if (said === undefined) expect(found?.text).not.toContain('only the sidecar');
  else expect(found?.text).toContain(said);
});

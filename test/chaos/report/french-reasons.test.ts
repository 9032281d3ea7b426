/** What a French report makes of the journal's sentences: ours are told in French, and those of others are quoted. */
import { expect, test } from 'vitest';
import { controlNotes, edgeNotes } from '../../../src/chaos/plan-notes.ts';
import { frenchReason } from '../../../src/chaos/report/french-reasons.ts';
import { plain } from '../../../src/chaos/report/rich-text.ts';
import type { RunEvent } from '../../../src/chaos/run-event.ts';
import { drill, halted, plan, runAfter, untilFault } from '../run-fixture.ts';

const told = (text: string) => plain(frenchReason(text)).replaceAll('\u00a0', ' ');

test.each([
  ['as it was before', 'comme avant'],
  ['the probe `p99` left its tolerance', 'la sonde `p99` est sortie de sa tolérance'],
  [
    'the alert `Down` fires; 2 confirmed, 1 by expiry',
    'l’alerte `Down` s’est déclenchée ; 2 confirmés, 1 par expiration',
  ],
  ['0.6667, below 0.99', '0,6667, sous 0,99'],
  ['0.99996, below 1', '0,99996, sous 1'],
  ['1204.5, above 250', '1204,5, au-dessus de 250'],
  ['differs from before: `a`, `b`', 'diffère d’avant : `a`, `b`'],
  [
    'steady state does not hold before the fault: `up` (silent: it gave no answer), `p99` (0.2 to 0.5), `x` (1)',
    'le régime n’est pas stable avant la panne : `up` (muette : aucune réponse), `p99` (de 0,2 à 0,5), `x` (1)',
  ],
  [
    'the deadline was reached; the observation after it was cut short: the control plane restarted; 3 confirmed',
    'l’échéance a été atteinte ; l’observation qui suivait a été écourtée : le plan de contrôle a redémarré ; 3 confirmés',
  ],
  ['75 % of 3 proxies of callers is 3, rounded up', '75 % des 3 proxys appelants font 3, arrondi au-dessus'],
])('ours, in French: %s', (english, french) => {
  expect(told(english)).toBe(french);
});

test.each([
  ['halted by `carol`: the deadline was reached', 'arrêté par `carol` : « the deadline was reached »'],
  ['refused the layer: unknown field; as it was before', 'a refusé la couche : « unknown field; as it was before »'],
  ['lost patience, as it was before', '« lost patience, as it was before »'],
  ['', '–'],
])('of others, as they stand: %s', (english, french) => {
  expect(told(english)).toBe(french);
});

const proxies = ['a/one', 'a/two'];
const enders: readonly RunEvent[] = [
  halted(),
  { kind: 'deadline' },
  { kind: 'alert', name: 'ShopDown' },
  { kind: 'probe', probe: 'works', state: 'silent' },
  { kind: 'probe', probe: 'works', state: 'breach', value: 0.5 },
];
const failing: RunEvent = { kind: 'measured', phase: 'before', measures: [], failing: ['works', 'fast'] };
const runs: readonly (readonly RunEvent[])[] = [
  ...enders.map((event) => [...untilFault(proxies), event]),
  [{ kind: 'started', by: 'ana' }, failing],
  [{ kind: 'started', by: 'ana' }, { kind: 'deadline' }],
];

test.each(runs.map((events) => runAfter(plan(proxies), events).ending?.reason ?? 'none'))(
  'what the machine says of an end is known in French: %s',
  (reason) => {
    expect(told(reason)).not.toBe(`« ${reason} »`);
    expect(told(reason)).not.toMatch(/ (?:the|was|is|fires|before) /);
  },
);

test('what a plan notes of the edge is known in French, whatever the outliers', () => {
  const endpoints = ['a', 'b', 'c', 'd'].map((proxy) => ({
    proxy,
    port: 80,
    ready: true,
    armedFor: new Set<string>(),
  }));
  const notes = ([10, 50, 100] as const).flatMap((maxEjectionPercent) => {
    const outliers = { maxEjectionPercent, consecutive5xx: 5, baseEjectionTimeMs: 30_000 };
    const edge = { protocol: 'http', callers: [], endpoints, outliers } as const;
    const methods = [
      { kind: 'abort', status: 503, percent: 50 },
      { kind: 'ejectEndpoint', count: 3 },
      { kind: 'openBreaker' },
    ] as const;
    return methods.flatMap((method) => edgeNotes(drill({ method }), edge));
  });
  for (const note of [...notes, ...controlNotes(drill(), [])]) expect(told(note)).not.toContain('«');
});

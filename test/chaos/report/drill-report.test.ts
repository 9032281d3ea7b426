/** The report of a drill as a person reads it, and as somebody hostile would like it to be read. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DrillRecord, TimelineEntry } from '../../../src/chaos/drill-engine.ts';
import { drillReport } from '../../../src/chaos/report/drill-report.ts';
import { type Happenings, type OccurrenceWord, occurrenceWords } from '../../../src/chaos/report/happening.ts';
import { type ReportLanguage, reportForms, reportLanguages } from '../../../src/chaos/report/report-form.ts';
import { struckRecord } from '../../../src/chaos/struck-view.ts';
import { call, occurrence, sampleHappenings } from './sample-happenings.ts';
import { entry, faultMs, sampleDrill, sampleRecord } from './sample-record.ts';
import { toldReport } from './told-report.ts';

const head = 'eu-1:4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const whole = { record: sampleRecord, happenings: { each: sampleHappenings, isCut: false }, head };
/** Not `.json`, which would be formatted as sources are, and the bytes are what counts. */
const suffix = { markdown: 'md', html: 'html', json: 'json.txt' } as const;

describe('a drill that an alert ended is told whole, with what else happened', () => {
  test.each(reportForms.flatMap((form) => reportLanguages.map((language) => [form, language] as const)))(
    'as %s, in %s',
    async (form, language) => {
      const text = drillReport(whole, form, language);
      await expect(text).toMatchFileSnapshot(`golden/stopped-by-an-alert.${language}.${suffix[form]}`);
    },
  );
});

test('a drill whose hypothesis held, without loss, falls short in nothing', async () => {
  await expect(toldReport(held)).toMatchFileSnapshot('golden/held.en.md');
});

test('a tenant that felt the drill of another is told what concerns itself', async () => {
  const others = struckRecord({ ...sampleRecord, drill: 'banque/api-breaker', tenant: 'banque' }, 'atelier');
  await expect(toldReport(others)).toMatchFileSnapshot('golden/felt-by-another-tenant.en.md');
});

test('the same material gives the same bytes', () => {
  for (const form of reportForms)
    expect(drillReport(whole, form, 'fr')).toBe(drillReport(structuredClone(whole), form, 'fr'));
});

test('the JSON form holds the record, who was affected, the merged timeline, and its version', () => {
  const report = JSON.parse(drillReport(whole, 'json', 'en'));
  expect(report).toMatchObject({ version: 'coffre.dev/drill-report/v1', evidenceHead: head, evidenceIsCut: false });
  expect(report.record).toEqual(JSON.parse(JSON.stringify(sampleRecord)));
  expect(report.affected[0]).toMatchObject({ caller: 'atelier/web', failed: 1_204, seen: 1_504 });
  expect(report.timeline.lines.length).toBeGreaterThan(sampleRecord.timeline.length);
});

const held: DrillRecord = {
  ...sampleRecord,
  phase: 'completed',
  verdict: 'held',
  reason: 'the fault has lasted as long as it may; 2 confirmed',
  definition: {
    ...sampleDrill,
    method: { kind: 'delay', delayMs: 1_500, percent: 20 },
    steadyState: sampleDrill.steadyState.slice(0, 1),
    abortOn: [
      { kind: 'probe', probe: 'web-up' },
      { kind: 'alert', name: 'ApiSlow' },
    ],
  },
  proxies: sampleRecord.proxies.filter(({ state }) => state === 'clean'),
  plan: { ...sampleRecord.plan, touches: sampleRecord.plan.touches.slice(0, 2), needsSecondPerson: false, notes: [] },
  approvedBy: '',
  overflows: undefined,
  measured: sampleRecord.measured
    .filter(({ probe }) => probe === 'web-up')
    .map((measure) => ({ ...measure, breaches: 0, range: { lowest: 1, highest: 1 } })),
  timeline: [
    entry(-60_000, 'planned', 'planned by `alice`'),
    entry(-30_000, 'started', 'started by `alice`'),
    entry(0, 'fault-laid', '`delay` laid on 2 proxies'),
    entry(18, 'proxy-effective', 'seen in its runtime', 'atelier/web-1'),
    entry(25, 'proxy-effective', 'seen in its runtime', 'atelier/web-2'),
    entry(61_200, 'alert', 'it fires', 'ApiSlow'),
    entry(120_000, 'deadline', 'the fault has lasted as long as it may'),
    entry(120_001, 'fault-withdrawn', 'withdrawn from every proxy'),
    entry(120_031, 'proxy-clean', 'as it was before', 'atelier/web-2'),
    entry(120_040, 'proxy-clean', 'as it was before', 'atelier/web-1'),
    entry(121_000, 'steady', 'every probe is within its tolerance again'),
    entry(150_002, 'ended', 'completed'),
  ],
};

describe('what falls short is said', () => {
  const cases: readonly [string, Partial<DrillRecord>, RegExp][] = [
    ['proxies out of reach', {}, /^- 2 confirmed, 1 by expiry: `atelier\/web-3` could not be seen clean/m],
    ['a proxy that was left out', {}, /^- left out, and so not tried: `atelier\/web-4`$/m],
    ['a fault that was never seen in force', {}, /^- the fault was never seen in force at `atelier\/web-3`$/m],
    ['a probe without an answer', {}, /^- `p99` had no answer in the phase `after`$/m],
    ['nobody noticing', { timeline: without('alert') }, /^- nobody noticed: no alert that the drill names fired/m],
    [
      'no way back to the steady state',
      { timeline: without('steady') },
      /^- the steady state was not seen to come back$/m,
    ],
    ['no control group', { plan: { ...sampleRecord.plan, control: [] } }, /^- there was no control group/m],
    [
      'a proxy that is still touched',
      { proxies: [{ proxy: 'atelier/web-1', state: 'withdrawn', why: '' }] },
      /^- not known to be clean: `atelier\/web-1`$/m,
    ],
    [
      'a proxy that is not as it was',
      {
        timeline: [...sampleRecord.timeline, entry(13_000, 'proxy-differs', 'so it is', 'atelier/web-1')],
        proxies: [{ proxy: 'atelier/web-1', state: 'clean', why: 'cluster `x` differs' }],
      },
      /^- `atelier\/web-1` is not configured as it was before: cluster `x` differs$/m,
    ],
    [
      'a control plane that was not there to see the end',
      { timeline: [entry(0, 'fault-laid', 'laid'), entry(20_000, 'found-unfinished', 'it restarted')] },
      /^- the control plane stopped while the fault lay/m,
    ],
    ['callers of whom no load is known', { traffic: [] }, /^- no caller’s load is known/m],
    ['a fault that was never laid', { faultAtMs: 0, timeline: [] }, /^- the fault was never laid/m],
  ];
  test.each(cases)('%s', (_, change, line) => {
    expect(toldReport({ ...sampleRecord, ...change })).toMatch(line);
    expect(toldReport(held)).not.toMatch(line);
  });
});

test('failures that were counted and of which no single one is known are said to be so, and not left blank', () => {
  expect(toldReport(sampleRecord)).toContain('| 1204 | 1504 | not recorded one by one | not recorded one by one |');
});

test('a proxy of the control group that did not call is no part of it, and without another there is none', () => {
  const traffic = sampleRecord.traffic.filter(({ proxy }) => proxy !== 'atelier/web-5');
  expect(toldReport(sampleRecord)).toContain('with 1 as control group; 1 more not seen to call it, and so no control');
  expect(toldReport(sampleRecord)).toContain('| may call and was not seen to, so no control: 1 proxy |');
  expect(toldReport({ ...sampleRecord, traffic })).toMatch(/^- there was no control group/m);
});

test('an alert from before the fault has detected nothing', () => {
  const early = sampleRecord.timeline.map((each) => (each.what === 'alert' ? { ...each, atMs: faultMs - 1 } : each));
  const report = toldReport({ ...sampleRecord, timeline: early.toSorted((left, right) => left.atMs - right.atMs) });
  expect(report).toContain('| the fault | an alert that it names | – |');
});

describe('who noticed', () => {
  const fired = (name: string) => ({
    ...sampleRecord,
    timeline: sampleRecord.timeline.map((each) => (each.what === 'alert' ? { ...each, about: name } : each)),
  });
  const namingNone = { ...sampleDrill, abortOn: [{ kind: 'probe', probe: 'web-up' }] } as const;

  test('an alert that the drill does not name has not detected the fault', () => {
    const report = toldReport(fired('BackupLate'));
    expect(report).toContain('| the fault | an alert that it names | – |');
    expect(report).toMatch(/^- nobody noticed: no alert that the drill names fired/m);
  });

  test('of a drill that names no alert any counts, and the report says so', () => {
    const report = toldReport({ ...fired('BackupLate'), definition: namingNone });
    expect(report).toMatch(/\| the fault \| any alert, as it names none: `BackupLate` \| [\d.]+ m?s \|/);
    const unseen = { ...sampleRecord, definition: namingNone, timeline: without('alert') };
    expect(toldReport(unseen)).toMatch(/^- nobody noticed: no alert fired/m);
  });
});

test('what may be a secret in an address is not in the report', () => {
  const [probe] = sampleDrill.steadyState;
  if (probe === undefined) throw new Error('the sample has no probe');
  const url = 'https://robot:hunter2@10.0.0.5:8443/health?token=hunter3#hunter4';
  const source = { kind: 'http', url, expectStatus: 200, metric: 'success' } as const;
  const report = toldReport({ ...sampleRecord, definition: { ...sampleDrill, steadyState: [{ ...probe, source }] } });
  expect(report).toContain('`https://10.0.0.5:8443/health?…`');
  expect(report).not.toMatch(/hunter|robot/);
});

test('a table of thousands is cut, and what went wrong is above the cut', () => {
  const many = Array.from(
    { length: 2_000 },
    (_, index) => ({ proxy: `atelier/p${index}`, state: 'clean', why: '' }) as const,
  );
  const report = toldReport({
    ...sampleRecord,
    proxies: [...many, { proxy: 'atelier/last', state: 'expired', why: '' }],
  });
  expect(report).toContain('| `atelier/last` |');
  expect(report).toContain('and 1501 more: see `-o json`');
  expect(report.split('\n').length).toBeLessThan(1_000);
});

describe('words of others', () => {
  const shape = (report: string) =>
    report.split('\n').map((line) => ({
      begins: /^(#+ |- |\| |$|and )/.exec(line)?.[0],
      bars: line.split('|').length,
      ticksAreEven: line.split('`').length % 2 === 1,
    }));
  const hostileReport = (text: string, language: ReportLanguage = 'en') =>
    drillReport({ record: hostile(text), happenings: hostileHappenings(text), head: text }, 'markdown', language);
  const benign = shape(hostileReport('word'));

  test.each([
    ['HTML', '<img src=x onerror=alert(1)> <!-- --> &lt;script&gt;'],
    ['a new line, and a heading on it', 'a\n\n# Verdict: held\n\r\n- x\u2028y'],
    ['bars that end a cell', 'a | b || \\| \\\\| c |'],
    ['ticks that end a span', 'a ` b `` c ``` <b> `'],
    ['a tick at each end', '`<b>`'],
    ['a link and a picture', '[x](https://evil.test) ![x](javascript:alert(1)) https://evil.test www.evil.test'],
    ['emphasis, struck out', '**held** _held_ ~~deviated~~ \\'],
    ['orders for a terminal', '\u001b[2J\u001b]0;x\u0007 \u009b1m \u202e\u2066 \u0000 \u200b'],
    ['half a character', '\ud83d \udc00'],
    ['nothing', ''],
    ['spaces', '   '],
  ])('change neither lines nor columns, and are no markup: %s', (_, text) => {
    const report = hostileReport(text);
    expect(shape(report)).toEqual(benign);
    expect(findings(report)).toEqual([]);
  });

  test('of any kind change neither lines nor columns, and are no markup', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('`', '|', '\\', '<b>', '\n', '**', '[x](y)', '\u001b[0m'),
    );
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (words) => {
        const report = hostileReport(words);
        expect(shape(report)).toEqual(benign);
        expect(findings(report)).toEqual([]);
      }),
      { seed: Number(process.env['COFFRE_SEED']), numRuns: 300 },
    );
  });

  test('a text without end is cut', () => {
    expect(hostileReport('x'.repeat(100_000)).length).toBeLessThan(100_000);
  });

  /** What is outside code spans and could be markup, or is a control character anywhere. */
  function findings(report: string): readonly string[] {
    const controls = report.replaceAll('\n', '').match(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu) ?? [];
    const ours = report.replaceAll(
      /\*\*(?:Hypothesis|Verdict|Ended|Risk exercised|Mitigation expected|Method|Radius|Bounds|To be aborted by|The fault lasted|Turned away by breakers|Plan|Known before):?\*\*|\*\*`a`\*\*: |\*\*(?:by expiry|left out|2 breaches)\*\*/g,
      '',
    );
    const outside = ours.replaceAll(/`[^`\n]*`/g, '').replaceAll(/\\[\\*_[\]~$@:.]/g, '');
    return [...controls, ...(outside.match(/[<>*_[\]~`]|:\/\/|www\./g) ?? [])];
  }

  function hostileHappenings(text: string): Happenings {
    const words: readonly OccurrenceWord[] = occurrenceWords;
    return {
      isCut: true,
      each: [
        ...words.map((what, index) => occurrence(index, what, text, { words: text || 'x' })),
        call(50, 'failed', { caller: `a/${text}`, callee: text, detail: text || 'x' }),
        call(60, 'denied', { caller: `a/${text}`, callee: text, detail: text || 'x' }),
      ],
    };
  }

  /** The sample, in which all that others may write is this. */
  function hostile(text: string): DrillRecord {
    const [first, ...rest] = sampleDrill.steadyState;
    if (first === undefined) throw new Error('the sample has no probe');
    return {
      ...sampleRecord,
      drill: text,
      reason: text,
      startedBy: text,
      approvedBy: text || 'x',
      plannedBy: text,
      haltedBy: text || 'x',
      hypothesis: text,
      proxies: sampleRecord.proxies.map((each, index) => ({ ...each, proxy: `${text}${index}`, why: text || 'x' })),
      plan: { ...sampleRecord.plan, hash: text, notes: [text] },
      callers: [{ account: `a/${text}`, struck: sampleRecord.traffic.map(({ proxy }) => proxy), spared: [] }],
      definition: {
        ...sampleDrill,
        risk: text,
        mitigation: text,
        target: { service: text, port: 80 },
        radius: { percent: 50, callers: [{ tenant: text, serviceAccounts: [text] }] },
        steadyState: [
          { ...first, name: text, source: { kind: 'promql', query: text } },
          ...rest.map((probe) => ({ ...probe, source: { kind: 'grpcHealth', address: text, service: text } as const })),
        ],
        abortOn: [{ kind: 'alert', name: text || 'x' }],
      },
      measured: sampleRecord.measured.map((measure) => ({ ...measure, probe: measure.probe === 'p99' ? 'p99' : text })),
      timeline: sampleRecord.timeline.map((each) => ({ ...each, text, about: text || 'x' })),
    };
  }
});

function without(what: TimelineEntry['what']): readonly TimelineEntry[] {
  return sampleRecord.timeline.filter((each) => each.what !== what);
}

/** Alert rules and dashboards as they are shipped: promtool accepts them, and each says something that exists. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { instruments } from '../../src/telemetry/instruments.ts';
import { alertRules, dashboardFiles, dashboards, deploy, filledIn, metricsIn, runbooks } from './shipped.ts';

const run = promisify(execFile);
const prometheus = join(deploy, 'prometheus');
const alerts = alertRules();

/** As Prometheus is given them: a histogram is three. */
const ourNames = new Set(
  Object.values(instruments).flatMap(({ name, kind }) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

test('promtool accepts the rules, and every case of them holds', async () => {
  await run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', join(prometheus, 'rules.yaml')]);
  await run('promtool', ['test', 'rules', join(prometheus, 'rules.test.yaml')]);
});

test('promtool accepts the configuration but for the files that a scraper makes', async () => {
  const told = await run('promtool', ['check', 'config', '--syntax-only', join(prometheus, 'prometheus.yaml')]);
  expect(told.stdout).toContain('SUCCESS');
});

test('promtool accepts every query of the dashboards', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'queries-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const rules = dashboards().map(({ expr }, i) => ({ record: `query:${i}`, expr: filledIn(expr) }));
  await writeFile(join(folder, 'queries.yaml'), stringify({ groups: [{ name: 'queries', rules }] }));
  const told = await run('promtool', ['check', 'rules', '--lint=none', join(folder, 'queries.yaml')]);
  expect(told.stdout).toContain(`${rules.length} rules found`);
});

test('a query that promtool does not understand is found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'queries-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(
    join(folder, 'queries.yaml'),
    stringify({ groups: [{ name: 'q', rules: [{ record: 'a', expr: 'sum(' }] }] }),
  );
  await expect(run('promtool', ['check', 'rules', join(folder, 'queries.yaml')])).rejects.toThrow();
});

test.each([...dashboards(), ...alerts])('$where names no metric of ours that is not there: $expr', ({ expr }) => {
  const ours = metricsIn(expr).filter((name) => !name.startsWith('envoy_'));
  expect(ours.filter((name) => !ourNames.has(name))).toEqual([]);
});

test('every instrument but those for single occasions is looked at by a dashboard or an alert', () => {
  const looked = new Set([...dashboards(), ...alerts].flatMap(({ expr }) => metricsIn(expr)));
  const isLooked = (name: string) => [name, `${name}_bucket`].some((each) => looked.has(each));
  const unseen = Object.values(instruments).filter(({ name }) => !isLooked(name));
  expect(unseen.map(({ name }) => name).sort()).toEqual(onOccasion);
});

/** Read by hand when there is a reason to. */
const onOccasion = [
  ...['coffre_certificate_events_total', 'coffre_evidence_head_position', 'coffre_evidence_head_timestamp_seconds'],
  ...['coffre_loop_published_timestamp_seconds', 'nodejs_heap_size_total_bytes'],
  ...['process_cpu_seconds_total', 'process_open_fds', 'process_start_time_seconds'],
];

describe.each(alerts)('$alert', ({ alert, labels, annotations }) => {
  test('says how urgent it is, what it is about and where its runbook lies', () => {
    expect(labels['severity']).toMatch(/^(?:page|ticket)$/);
    expect(annotations).toEqual({
      summary: expect.stringMatching(/^[^A-Z].*[^.]$/),
      runbook: `docs/runbooks/${alert}.md`,
    });
  });

  test('has a runbook with its four answers', async () => {
    const text = await readFile(join(runbooks, `${alert}.md`), 'utf8');
    expect(text.match(/^#.*$/gm)).toEqual([
      ...[`# ${alert}`, '## What it means', '## What callers feel', '## What to look at', '## What to do'],
    ]);
    expect(text).toMatch(/^- `.+`: /m);
    expect(text).toMatch(/^1\. /m);
  });

  test('has a case in which it fires and one in which it does not', async () => {
    const { tests }: { tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] } = parse(
      await readFile(join(prometheus, 'rules.test.yaml'), 'utf8'),
    );
    const cases = tests
      .flatMap(({ alert_rule_test }) => alert_rule_test)
      .filter(({ alertname }) => alertname === alert);
    const fires = cases.map(({ exp_alerts }) => exp_alerts.length > 0);
    expect(fires).toContain(true);
    expect(fires).toContain(false);
  });
});

test('there is no runbook of an alert that is not there', async () => {
  const files = await readdir(runbooks);
  expect(files.sort()).toEqual(alerts.map(({ alert }) => `${alert}.md`).sort());
});

describe.each(dashboardFiles())('dashboard $name', ({ name, dashboard }) => {
  test('has an id of its own, and no panel lies on another', () => {
    expect(dashboard.uid).toBe(`coffre-${name}`);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  test('every line has a name', () => {
    const unnamed = dashboard.panels.flatMap(({ title, targets }) =>
      targets.filter(({ legendFormat }) => legendFormat === '').map(() => title),
    );
    expect(unnamed).toEqual([]);
  });
});

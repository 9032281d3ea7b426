/** What operators read: a problem once when it appears and once when it is solved, however often the loop looks. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { logReport, logXdsEvents } from '../../src/controller/log-report.io.ts';
import type { Problem } from '../../src/model/problem.ts';

function recorder() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = pino({ base: null, timestamp: false, level: 'debug' }, { write });
  const said = () => lines.splice(0).map(({ level, msg }) => `${pino.levels.labels[Number(level)]} ${msg}`);
  return { log, said };
}

const problem: Problem = {
  code: 'missing-tenant',
  severity: 'warning',
  where: { file: 'pods.yaml', line: 3 },
  path: 'metadata.namespace',
  message: 'nobody owns the namespace `atelier`',
  advice: 'write a tenant',
};

test('a problem is told when it appears and when it is solved, and not in between', () => {
  const { log, said } = recorder();
  const report = logReport(log);
  report.problems([problem]);
  report.problems([problem]);
  expect(said()).toEqual(['warn problem']);
  report.problems([{ ...problem, severity: 'error', where: { file: 'pods.yaml', line: 9 } }]);
  expect(said()).toEqual(['error problem', 'info problem solved']);
  report.problems([]);
  expect(said()).toEqual(['info problem solved']);
});

test('what was published is told when it differs from the time before', () => {
  const { log, said } = recorder();
  const report = logReport(log);
  report.published('r1', 3, ['atelier/web-1']);
  report.published('r1', 3, ['atelier/web-1']);
  expect(said()).toEqual(['info published']);
  report.published('r1', 3, []);
  expect(said()).toEqual(['info published']);
});

test('what went wrong of ours is told each time, as grave as what it leaves behind', () => {
  const { log, said } = recorder();
  const report = logReport(log);
  report.buildFailed('atelier/web-1', undefined, new Error('no leaf'));
  report.madeWhole('atelier', new Error('no leaf'));
  report.madeWhole('atelier', new Error('no leaf'));
  expect(said()).toEqual([
    'error a configuration could not be built; the proxy keeps the one it has',
    'warn what moved could not be made alone; all of the tenant was made anew',
    'warn what moved could not be made alone; all of the tenant was made anew',
  ]);
});

test('refusals are warnings, the everyday is not', () => {
  const { log, said } = recorder();
  const observe = logXdsEvents(log);
  const stream = { stream: 1, protocol: 'delta', key: 'atelier/web-1' } as const;
  observe({ kind: 'refused', address: 'unix:', status: 'PERMISSION_DENIED', reason: 'no such workload' });
  observe({ kind: 'stream-opened', nodeId: 'atelier/web-1', address: 'unix:', ...stream });
  observe({ kind: 'node-ignored', ...stream });
  observe({ kind: 'write-stalled', ...stream });
  observe({ kind: 'absent-asked', typeUrl: 'Secret', names: ['theirs'], further: 0, ...stream });
  expect(said()).toEqual([
    'warn refused',
    'info stream-opened',
    'debug node-ignored',
    'warn write-stalled',
    'warn absent-asked',
  ]);
});

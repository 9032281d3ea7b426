import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { fileMaxMs, type SeenProcess, StuckFiles } from '../../tools/stuck-files.ts';

const moduleId = resolve('test/a.test.ts');
const worker: SeenProcess = { pid: 10, parent: 1, state: 'S', command: 'test test/a.test.ts' };
const child: SeenProcess = { pid: 11, parent: 10, state: 'S', command: 'sleep 1000' };
const other: SeenProcess = { pid: 12, parent: 1, state: 'R', command: 'test test/b.test.ts' };

function bench(processes: readonly SeenProcess[]) {
  const said: string[] = [];
  const killed: number[] = [];
  const clock = { nowMs: 0 };
  const files = new StuckFiles({
    nowMs: () => clock.nowMs,
    processes: () => processes,
    kill: (pid) => void killed.push(pid),
    say: (line) => void said.push(line),
  });
  return { files, said, killed, clock };
}

test('a file that lasts too long is named with what its worker waits for, and its worker alone is killed', () => {
  const { files, said, killed, clock } = bench([worker, child, other]);
  files.onTestModuleQueued({ moduleId });
  clock.nowMs = fileMaxMs;
  files.look();
  expect(killed).toEqual([]);
  clock.nowMs += 1;
  files.look();
  files.look();
  expect(killed).toEqual([10]);
  expect(said.join('\n')).toContain(`${moduleId} did not end within 10 minutes`);
  expect(said).toContain('  S 10 test test/a.test.ts');
  expect(said).toContain('    S 11 sleep 1000');
  expect(said.join('\n')).not.toContain('b.test.ts');
});

test('a file that ended in time is left alone', () => {
  const { files, said, clock } = bench([worker]);
  files.onTestModuleQueued({ moduleId });
  files.onTestModuleEnd({ moduleId });
  clock.nowMs = fileMaxMs * 2;
  files.look();
  expect(said).toEqual([]);
});

test('a worker that cannot be found is said', () => {
  const { files, said, clock } = bench([other]);
  files.onTestModuleQueued({ moduleId });
  clock.nowMs = fileMaxMs + 1;
  files.look();
  expect(said.join('\n')).toContain('nowhere to be found');
});

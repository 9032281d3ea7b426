/** What `coffre up` tells of its two processes: what a person needs, and nothing of the rest. */
import { expect, test } from 'vitest';
import { newsIn, Sibling } from '../../src/cli/sibling.ts';

test.each([
  ['a problem', '{"level":40,"code":"x","problem":"a.yaml:1: no; do","msg":"problem"}', 'a.yaml:1: no; do'],
  ['its end', '{"level":30,"problem":"a.yaml:1: no; do","msg":"problem solved"}', 'solved: a.yaml:1: no; do'],
  ['a warning', '{"level":40,"time":"t","key":"a/b","msg":"nacked"}', 'nacked {"key":"a/b"}'],
  ['an everyday line', '{"level":30,"msg":"pushed"}', undefined],
  ['words for a person', 'the port is taken; choose another', 'the port is taken; choose another'],
  ['an empty line', '  ', undefined],
  ['a number', '7', '7'],
])('%s', (_, line, told) => {
  expect(newsIn(line)).toBe(told);
});

test('a process that ends by itself is told with its code and its last words', async () => {
  const lines: string[] = [];
  const sibling = new Sibling('worker', ['-e', 'console.error("no port"); process.exitCode = 7'], (line) =>
    lines.push(line),
  );
  expect(await sibling.end).toBe('the worker ended by itself (exit code 7)');
  expect(lines).toEqual(['worker: no port']);
});

test('a process that is asked to stop has ended when that is done', async () => {
  const lines: string[] = [];
  const args = ['-e', 'setInterval(() => {}, 1000); console.log("runs")'];
  const sibling = await new Promise<Sibling>((running) => {
    const started: Sibling = new Sibling('worker', args, (line) => {
      lines.push(line);
      running(started);
    });
  });
  await sibling.stop();
  expect(await sibling.end).toContain('SIGTERM');
});

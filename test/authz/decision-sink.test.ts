/** Who is killed right after a decision leaves its line behind, wherever lines go; and nobody waits for a slow reader. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';

const url = (path: string) => JSON.stringify(new URL(`../../src/authz/${path}`, import.meta.url).href);
const beginning = `
import { DecisionLog } from ${url('decision-log.io.ts')};
import { openDecisionSink } from ${url('decision-sink.io.ts')};
const record = (id) => ({ id, timeMs: 7, durationUs: 5, verdict: 'undecodable', why: 'malformed' });
const log = new DecisionLog(openDecisionSink(process.argv[1]));
`;
/** Several goes, each of several decisions; and no moment in which a thread could have written any. */
const killed = `${beginning}
for (const go of ['a', 'b', 'c']) {
  for (const each of [1, 2]) log.decided(record(go + each));
  await undefined;
}
process.kill(process.pid, 'SIGKILL');
`;
/** More than any pipe holds. Once nobody has room it says so and is done. */
const flooding = `${beginning}
for (let at = 0; log.linesLost < 10; at += 1) { log.decided(record(String(at))); await undefined; }
console.error('not waiting');
`;
const ids = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'];
const idsIn = (lines: string) =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).id);
const argvOf = (script: string, ...files: readonly string[]) => ['--input-type=module', '-e', script, ...files];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-sink-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a file that is named holds every line of who was killed, and those of before', () => {
  const file = join(folder, 'decisions');
  for (const round of [1, 2]) {
    expect(spawnSync(process.execPath, argvOf(killed, file)).signal).toBe('SIGKILL');
    expect(idsIn(readFileSync(file, 'utf8'))).toEqual(Array.from({ length: round }, () => ids).flat());
  }
});

test('a file that is standard output holds every line of who was killed', () => {
  const file = join(folder, 'stdout');
  const fd = openSync(file, 'w');
  expect(spawnSync(process.execPath, argvOf(killed), { stdio: ['ignore', fd, 'inherit'] }).signal).toBe('SIGKILL');
  closeSync(fd);
  expect(idsIn(readFileSync(file, 'utf8'))).toEqual(ids);
});

test('a reader of standard output is told every line of who was killed', async () => {
  // Through `cat`, since what Node itself gives to a child is a socket and no pipe.
  const piped = `"$0" "$@" | cat`;
  const { stdout } = spawnSync('sh', ['-c', piped, process.execPath, ...argvOf(killed)], { encoding: 'utf8' });
  expect(idsIn(stdout)).toEqual(ids);
  const child = spawn(process.execPath, argvOf(killed), { stdio: ['ignore', 'pipe', 'inherit'] });
  expect(idsIn(await text(child.stdout))).toEqual(ids);
});

test('who is not read goes on, and counts what is lost', async () => {
  const child: ChildProcess = spawn(process.execPath, argvOf(flooding), { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = await new Promise((resolve) => child.stderr?.once('data', (chunk) => resolve(String(chunk))));
  child.kill('SIGKILL');
  expect(said).toContain('not waiting');
});

/** The hand-over: the script's words, exit code and signals are its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'coffre-script-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const runner = join(import.meta.dirname, '../../../tools/setup/run-script.mjs');
const repo = join(import.meta.dirname, '../../..');

function start(script: string, ...args: string[]) {
  const path = join(folder, 'script.ts');
  writeFileSync(path, script);
  const hand = `import { runScript } from ${JSON.stringify(runner)}; process.exitCode = await runScript(${JSON.stringify(repo)}, process.argv.slice(1));`;
  return spawn(process.execPath, ['--input-type=module', '-e', hand, '--', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('the script runs TypeScript on Node 24 with its arguments, and its exit code comes back', async () => {
  const child = start(
    'const major: number = Number.parseInt(process.versions.node, 10);\nconsole.log(major, process.argv.slice(2).join(" "));\nprocess.exitCode = 7;',
    '--once',
    '--json',
  );
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(output).toBe('24 --once --json\n');
  expect(code).toBe(7);
});

test('a signal reaches the script, which decides how to end', async () => {
  const child = start(
    'process.on("SIGTERM", () => { console.log("ended in order"); process.exit(3); });\nsetInterval(() => undefined, 1e9);\nconsole.log("ready");',
  );
  const exit = once(child, 'exit');
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    if (output === '') child.kill('SIGTERM');
    output += chunk;
  }
  expect(output).toBe('ready\nended in order\n');
  expect((await exit)[0]).toBe(3);
});

test('a script that dies of a signal leaves the code a shell would', async () => {
  const [code] = await once(start('process.kill(process.pid, "SIGKILL");'), 'exit');
  expect(code).toBe(137);
});

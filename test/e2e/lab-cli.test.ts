import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { labName } from '../../src/lab/run-directory.ts';
import { eachMode, labTestMs } from '../lab/each-mode.ts';
import { tracesOf } from '../lab/traces.ts';

const script = fileURLToPath(new URL('../../src/lab/cli.ts', import.meta.url));

eachMode('the command line of a lab', (mode) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ mode });
    await lab.addPod({
      key: 'atelier/api',
      addresses: ['10.99.1.2', 'fd99::1:2'],
      intercepted: true,
      dnsResolvers: [],
      hosts: new Map(),
    });
  }, labTestMs);
  afterAll(() => lab?.stop());

  const start = (...args: readonly string[]) =>
    spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const cli = async (...args: readonly string[]) => {
    const child = start(...args);
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (said.stdout += chunk));
    child.stderr.on('data', (chunk) => (said.stderr += chunk));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, ...said };
  };
  const exec = (...args: readonly string[]) => cli('exec', '--lab', labName(lab.dir), ...args);

  test('lists labs and their pods', async () => {
    const { code, stdout } = await cli('list');
    expect(code).toBe(0);
    expect(stdout).toContain(`${labName(lab.dir)}  ${lab.dir}\n  atelier/api  10.99.1.2 fd99::1:2  intercepted\n`);
  });

  test('runs a command in a pod, with its output and its exit code, options and all', async () => {
    const command = ['sh', '-c', 'echo "$@"; echo complaint >&2; exit 7', 'sh', '--lab', '-x'];
    expect(await exec('atelier/api', '--', ...command)).toEqual({
      code: 7,
      stdout: '--lab -x\n',
      stderr: 'complaint\n',
    });
    const { stdout } = await exec('atelier/api', '--', 'ip', '-o', 'address', 'show', 'dev', 'eth0');
    expect(stdout).toContain('10.99.1.2/16');
  });

  test('confines the command unless told otherwise', async () => {
    const capabilities = ['grep', 'CapEff', '/proc/self/status'];
    expect((await exec('atelier/api', '--', ...capabilities)).stdout).toMatch(/\t0+\n/);
    expect((await exec('--unconfined', 'atelier/api', '--', ...capabilities)).stdout).not.toMatch(/\t0+\n/);
  });

  test('ends its command when it is killed', async () => {
    const child = start('exec', '--lab', labName(lab.dir), 'atelier/api', '--', 'sh', '-c', 'echo up; sleep 600');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const sleepers = () => tracesOf(lab.dir).filter(({ command }) => command.includes('sleep 600'));
    expect(sleepers()).not.toEqual([]);
    child.kill('SIGKILL');
    await expect.poll(sleepers, { timeout: 5_000 }).toEqual([]);
  });

  test('ends its command, without a word, when nobody reads on', async () => {
    const endless = 'while :; do echo more; sleep 0.02; done';
    const child = start('exec', '--lab', labName(lab.dir), 'atelier/api', '--', 'sh', '-c', endless);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.stdout.once('data', () => child.stdout.destroy());
    await new Promise((resolve) => child.once('close', resolve));
    expect(stderr).toBe('');
    const loops = () => tracesOf(lab.dir).filter(({ command }) => command.includes(endless));
    await expect.poll(loops, { timeout: 5_000 }).toEqual([]);
  });

  test('says which pods there are when it is asked for another, and that no such lab runs', async () => {
    expect(await exec('atelier/web', '--', 'true')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'there is no pod `atelier/web`; pods are: atelier/api\n',
    });
    expect(await cli('exec', '--lab', 'nowhere', 'atelier/api', '--', 'true')).toMatchObject({
      code: 1,
      stderr: 'no such lab runs; start the demo and keep it up\n',
    });
  });
});

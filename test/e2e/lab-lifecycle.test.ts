import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { startLab } from '../../src/lab/lab.ts';
import type { LabMode } from '../../src/lab/lab-support.ts';
import { eachMode } from '../lab/each-mode.ts';
import { processesIn, tracesOf } from '../lab/traces.ts';

/** The longest a lab may take to be gone once its end has begun, or a process to be what it was started as, in ms. */
const goneMs = 5_000;

const owners: ChildProcess[] = [];
afterEach(() => {
  for (const owner of owners.splice(0)) owner.kill('SIGKILL');
});

/** Starts another process that owns a lab. */
async function ownerOfLab(mode: LabMode): Promise<{ owner: ChildProcess; dir: string; pid: number }> {
  const script = fileURLToPath(new URL('../lab/owner.ts', import.meta.url));
  const owner = spawn(process.execPath, [script, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  owners.push(owner);
  for await (const line of createInterface(owner.stdout)) return { owner, ...JSON.parse(line) };
  throw new Error('the owner ended without a lab');
}

function hostLinks(): string {
  return readFileSync('/proc/self/net/dev', 'utf8').replaceAll(/:.*$/gm, '');
}

eachMode('a lab', (mode) => {
  const pod = { key: 'atelier/api', intercepted: true, dnsResolvers: [], hosts: new Map() };

  test('leaves no process, no namespace, no link and no directory when it is stopped', async () => {
    const linksBefore = hostLinks();
    const lab = await startLab({ mode });
    await lab.addPod({ ...pod, addresses: ['10.99.1.2', 'fd99::1:2'] });
    await lab.spawn({ in: 'atelier/api', argv: ['sleep', '600'], confined: true, name: 'sleeper' });
    // The control: agent and sleeper are found, in the lab's namespace and the pod's.
    const commands = () => tracesOf(lab.dir).map(({ command }) => command);
    await expect.poll(commands, { timeout: goneMs }).toContainEqual(expect.stringMatching(/^sleep 600/));
    const namespaces = new Set(tracesOf(lab.dir).map(({ netns }) => netns));
    expect(namespaces.size).toBeGreaterThanOrEqual(2);
    expect(hostLinks()).toBe(linksBefore);

    await lab.stop();
    expect(tracesOf(lab.dir)).toEqual([]);
    expect([...namespaces].filter((netns) => !isOurs(netns)).flatMap(processesIn)).toEqual([]);
    expect(existsSync(lab.dir)).toBe(false);
    expect(hostLinks()).toBe(linksBefore);
  });

  test('is gone, directory and all, once its owner was killed', async () => {
    const { owner, dir } = await ownerOfLab(mode);
    expect(tracesOf(dir).length).toBeGreaterThan(0);
    owner.kill('SIGKILL');
    await expect.poll(() => [tracesOf(dir), existsSync(dir)], { timeout: goneMs }).toEqual([[], false]);
  });

  test('that was killed itself is gone at once, and the next start removes its directory', async () => {
    const { owner, dir, pid } = await ownerOfLab(mode);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => tracesOf(dir).filter((trace) => trace.pid !== owner.pid), { timeout: goneMs }).toEqual([]);
    expect(existsSync(dir)).toBe(true);

    // While its owner lives the directory is not taken from it.
    await (await startLab({ mode })).stop();
    expect(existsSync(dir)).toBe(true);

    const ended = new Promise((resolve) => owner.once('exit', resolve));
    owner.kill('SIGKILL');
    await ended;
    await (await startLab({ mode })).stop();
    expect(existsSync(dir)).toBe(false);
  });

  test('shares nothing with another that runs beside it, not even where addresses are the same', async () => {
    const [one, other] = await Promise.all([startLab({ mode }), startLab({ mode })]);
    try {
      for (const lab of [one, other]) await lab.addPod({ ...pod, addresses: ['10.99.1.2'], intercepted: false });
      const listener =
        'import socket; s = socket.create_server(("10.99.1.2", 8080)); print("up", flush=True); s.accept()';
      const server = await one.spawn({
        in: 'atelier/api',
        argv: ['python3', '-c', listener],
        confined: true,
        name: 'server',
      });
      await server.waitForLine(/^up$/, goneMs);
      const dial = { in: 'host', address: '10.99.1.2', port: 8080, timeoutMs: 1_000 };
      expect(await other.markedConnect(dial)).toEqual({ kind: 'refused', errno: 'ECONNREFUSED' });
      expect(await one.markedConnect(dial)).toEqual({ kind: 'connected' });
      expect(one.dir).not.toBe(other.dir);
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  });

  test('answers what was asked of it when it ends first, rather than keeping it waiting', async () => {
    const lab = await startLab({ mode });
    const sleeper = await lab.spawn({ in: 'host', argv: ['sleep', '600'], confined: true, name: 'sleeper' });
    const line = expect(sleeper.waitForLine(/never/, 60_000)).rejects.toThrow('`sleeper` ended (SIGKILL)');
    process.kill(lab.pid, 'SIGKILL');
    expect(await sleeper.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await line;
    await expect(lab.pods()).rejects.toThrow('the lab has ended');
    await lab.stop();
  });
});

eachMode('a pod of a lab', (mode) => {
  test('takes its processes along when it is removed, and its address can be given again', async () => {
    const lab = await startLab({ mode });
    try {
      const pod = {
        key: 'atelier/api',
        addresses: ['10.99.1.2'],
        intercepted: false,
        dnsResolvers: [],
        hosts: new Map(),
      };
      await lab.addPod(pod);
      await expect(lab.addPod(pod)).rejects.toThrow('pod `atelier/api` exists already');
      const sleeper = await lab.spawn({ in: pod.key, argv: ['sleep', '600'], confined: true, name: 'sleeper' });
      await lab.removePod(pod.key);
      expect(await sleeper.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await expect(lab.removePod(pod.key)).rejects.toThrow('there is no pod `atelier/api`');
      await lab.addPod(pod);
      const dial = { in: 'host', address: '10.99.1.2', port: 9, timeoutMs: 1_000 };
      expect(await lab.markedConnect(dial)).toEqual({ kind: 'refused', errno: 'ECONNREFUSED' });
    } finally {
      await lab.stop();
    }
  });

  test('does not move the bridge away from those who know its address', async () => {
    const lab = await startLab({ mode });
    const argv = ['ip', '-o', 'link', 'show', 'type', 'bridge'];
    const addressOfBridge = async () => {
      const { stdout } = await lab.run({ in: 'host', argv, confined: false, timeoutMs: 5_000 });
      return /link\/ether (\S+)/.exec(stdout)?.[1];
    };
    try {
      expect(await addressOfBridge()).toBe('02:00:0a:63:00:01');
      await lab.addPod({
        ...{ key: 'atelier/api', addresses: ['10.99.1.2'], intercepted: false },
        ...{ dnsResolvers: [], hosts: new Map() },
      });
      expect(await addressOfBridge()).toBe('02:00:0a:63:00:01');
    } finally {
      await lab.stop();
    }
  });

  test('has names of its own, and running processes see them change', async () => {
    const lab = await startLab({ mode });
    try {
      const resolver = '10.99.0.53';
      await lab.addPod({
        key: 'atelier/api',
        addresses: ['10.99.1.2'],
        intercepted: false,
        dnsResolvers: [resolver],
        hosts: new Map([['web.atelier', '10.96.0.10']]),
      });
      // Opening a pipe for reading waits for a writer: the process stands still until we have changed the names.
      const go = `${lab.dir}/go`;
      await lab.run({ in: 'host', argv: ['mkfifo', go], confined: false, timeoutMs: 5_000 });
      const watcher = await lab.spawn({
        in: 'atelier/api',
        argv: ['sh', '-c', 'cat /etc/hosts /etc/resolv.conf; read x <"$0"; cat /etc/hosts', go],
        confined: true,
        name: 'watcher',
      });
      await watcher.waitForLine(/^10\.96\.0\.10 web\.atelier$/, 5_000);
      await watcher.waitForLine(/^nameserver 10\.99\.0\.53$/, 5_000);
      await lab.setHosts('atelier/api', new Map([['bank.example', '10.96.0.11']]));
      await lab.run({ in: 'host', argv: ['sh', '-c', `echo >${go}`], confined: false, timeoutMs: 5_000 });
      await watcher.waitForLine(/^10\.96\.0\.11 bank\.example$/, 5_000);
      expect(readFileSync('/etc/hosts', 'utf8')).not.toContain('bank.example');
    } finally {
      await lab.stop();
    }
  });
});

function isOurs(netns: string): boolean {
  return processesIn(netns).includes(process.pid);
}

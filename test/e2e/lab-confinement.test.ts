/**
 * What an application of the lab cannot do. Each row runs twice: confined, where it must be refused, and unconfined,
 * where it must succeed, so that a refusal is the confinement's doing and no accident.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { markedConnectArgv } from '../../src/lab/marked-connect.ts';
import { eachMode, labTestMs } from '../lab/each-mode.ts';

const python = (...lines: readonly string[]) => ['python3', '-c', lines.join('\n')];

const rows: ReadonlyArray<{ sentence: string; argv: (lab: Lab) => readonly string[]; refusal: RegExp }> = [
  {
    sentence: 'mark a socket',
    argv: () => python('import socket', 'socket.socket().setsockopt(socket.SOL_SOCKET, 36, 0xc0f)'),
    refusal: /Operation not permitted/,
  },
  {
    sentence: 'open a packet socket',
    argv: () => python('import socket', 'socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'),
    refusal: /Operation not permitted/,
  },
  {
    sentence: 'open a raw IP socket',
    argv: () => python('import socket', 'socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)'),
    refusal: /Operation not permitted/,
  },
  {
    sentence: 'enter another pod by its name',
    argv: () => ['nsenter', '--net=/run/netns/pod2', 'true'],
    refusal: /Operation not permitted/,
  },
  {
    sentence: "enter the agent's network",
    argv: () => ['nsenter', '--net=/proc/1/ns/net', 'true'],
    refusal: /Permission denied|Operation not permitted/,
  },
  {
    sentence: 'change the interception rules',
    argv: () => ['iptables', '-t', 'nat', '-F'],
    refusal: /Permission denied|Operation not permitted/,
  },
  {
    sentence: "read the agent's memory",
    argv: () => python("open('/proc/1/mem', 'rb')"),
    refusal: /Permission denied/,
  },
  {
    sentence: "see a sidecar's private file",
    argv: (lab) => ['cat', join(lab.privateDir, 'token')],
    refusal: /No such file/,
  },
  {
    sentence: "reach the agent's socket",
    argv: (lab) =>
      python('import socket', `socket.socket(socket.AF_UNIX).connect('${join(lab.privateDir, 'agent.sock')}')`),
    refusal: /No such file/,
  },
  {
    sentence: 'uncover what is private',
    argv: (lab) => ['sh', '-c', `umount '${lab.privateDir}' 2>&1; cat '${join(lab.privateDir, 'token')}'`],
    refusal: /No such file/,
  },
];

eachMode('a confined process', (mode) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ mode });
    for (const [index, key] of ['atelier/api', 'notaire/web'].entries()) {
      const addresses = [`10.99.1.${2 + index}`];
      await lab.addPod({ key, addresses, intercepted: true, dnsResolvers: [], hosts: new Map() });
    }
    writeFileSync(join(lab.privateDir, 'token'), 'a secret');
  }, labTestMs);
  afterAll(() => lab?.stop());

  const run = (argv: readonly string[], confined: boolean) =>
    lab.run({ in: 'atelier/api', argv, confined, timeoutMs: 5_000 });

  test.each(rows)('cannot $sentence', async ({ argv, refusal }) => {
    const confined = await run(argv(lab), true);
    expect(confined.stdout + confined.stderr).toMatch(refusal);
    expect(confined.code).not.toBe(0);
    const unconfined = await run(argv(lab), false);
    expect(unconfined.stderr).toBe('');
    expect(unconfined.code).toBe(0);
  });

  test('gains nothing by a user namespace of its own', async () => {
    const inside = ['unshare', '--user', '--keep-caps', '--mount', '--'];
    // The control: it does get one, and every capability there.
    expect((await run([...inside, 'grep', 'CapEff', '/proc/self/status'], true)).stdout).toMatch(/CapEff:\t0*[1-9a-f]/);
    for (const { argv, refusal } of rows) {
      const escaped = await run([...inside, ...argv(lab)], true);
      expect(escaped.stdout + escaped.stderr).toMatch(refusal);
      expect(escaped.code).not.toBe(0);
    }
  });

  test('cannot end the lab, though they share a user id', async () => {
    for (const signal of ['TERM', 'KILL', 'STOP']) await run(['kill', `-${signal}`, '1'], true);
    expect(await lab.pods()).toHaveLength(2);
  });

  test('has no capability, and inherits nothing from the environment of the one who started the lab', async () => {
    const { stdout } = await run(['sh', '-c', 'grep Cap /proc/self/status; env'], true);
    expect(stdout.match(/^Cap\w+:\t0+$/gm)).toHaveLength(5);
    const names = [...stdout.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    expect(names.filter((name) => name !== '_').sort()).toEqual(['HOME', 'LANG', 'PATH', 'PWD']);
  });

  test('is told EPERM when it tries the connection that passes interception', async () => {
    const argv = markedConnectArgv({ address: '10.99.0.1', port: 9, timeoutMs: 1_000 });
    expect((await run(argv, true)).stdout).toBe('EPERM\n');
    expect((await run(argv, false)).stdout).toBe('ECONNREFUSED\n');
  });
});

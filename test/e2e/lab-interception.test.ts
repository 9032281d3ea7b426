/**
 * A pod whose sidecar is not there is mute and deaf: interception fails closed.
 * Every "no packet" is proved by a capture that saw its own fence, and by an open pod that emits what is tried here.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AppProcess, startApp } from '../../src/lab/app-process.ts';
import type { Capture } from '../../src/lab/capture.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { eachMode, labTestMs } from '../lab/each-mode.ts';

/** Ports no service may declare, and one it may. */
const [capturePorts, healthPort, appPort] = [[15_001, 15_006], 15_021, 8080];

const dial = (address: string, port: number, device = '') => [
  'python3',
  '-c',
  `
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in '${address}' else socket.AF_INET)
if '${device}': s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'${device}')
s.settimeout(0.3)
try:
    s.connect(('${address}', ${port}))
    print('connected')
except OSError as e:
    print(type(e).__name__)
`,
];

const datagram = (address: string, port: number) => [
  'python3',
  '-c',
  `
import socket
s = socket.socket(socket.AF_INET6 if ':' in '${address}' else socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.sendto(b'plaintext', ('${address}', ${port}))
except OSError as e:
    print(type(e).__name__)
`,
];

/** To an open pod that listens, to a virtual address, and around the corner. */
const attempts: ReadonlyArray<{ sentence: string; argv: readonly string[]; packet: RegExp }> = [
  {
    sentence: 'TCP over IPv4',
    argv: dial('10.99.1.3', appPort),
    packet: /IP 10\.99\.1\.\d+\.\d+ > 10\.99\.1\.3\.8080: Flags \[S\]/,
  },
  { sentence: 'TCP over IPv6', argv: dial('fd99::1:3', appPort), packet: /IP6 .* > fd99::1:3\.8080: Flags \[S\]/ },
  { sentence: 'TCP bound to the device, IPv4', argv: dial('10.99.1.3', appPort, 'eth0'), packet: /Flags \[S\]/ },
  { sentence: 'TCP bound to the device, IPv6', argv: dial('fd99::1:3', appPort, 'eth0'), packet: /Flags \[S\]/ },
  { sentence: 'TCP to a virtual address', argv: dial('10.96.0.10', 80), packet: /10\.96\.0\.10\.80: Flags \[S\]/ },
  { sentence: 'TCP to the control plane', argv: dial('10.99.0.1', 15_010), packet: /10\.99\.0\.1\.15010: Flags \[S\]/ },
  { sentence: 'UDP over IPv4', argv: datagram('10.99.1.3', 9999), packet: /UDP, length 9/ },
  { sentence: 'UDP over IPv6', argv: datagram('fd99::1:3', 9999), packet: /UDP, length 9/ },
  { sentence: 'DNS to an undeclared resolver', argv: datagram('10.99.1.3', 53), packet: /10\.99\.1\.3\.53:/ },
  {
    sentence: 'DNS over TCP to an undeclared resolver',
    argv: dial('10.99.1.3', 53),
    packet: /10\.99\.1\.3\.53: Flags \[S\]/,
  },
];

eachMode('an intercepted pod without its sidecar', (mode) => {
  let lab: Lab;
  let mute: AppProcess;
  const captures = new Map<string, Capture>();
  beforeAll(async () => {
    lab = await startLab({ mode });
    const dnsResolvers = ['10.99.0.1', 'fd99::1'];
    const pod = { dnsResolvers, hosts: new Map() };
    await lab.addPod({ ...pod, key: 'atelier/mute', addresses: ['10.99.1.2', 'fd99::1:2'], intercepted: true });
    await lab.addPod({ ...pod, key: 'atelier/open', addresses: ['10.99.1.3', 'fd99::1:3'], intercepted: false });
    await lab.addPod({ ...pod, key: 'atelier/peer', addresses: ['10.99.1.4', 'fd99::1:4'], intercepted: false });
    await startApp(lab, 'atelier/open', { listen: ['http:8080'] });
    mute = await startApp(lab, 'atelier/mute', { listen: ['http:8080'] });
    for (const podKey of ['atelier/mute', 'atelier/peer']) {
      captures.set(podKey, await lab.capture({ in: podKey, filter: 'tcp or udp or icmp or icmp6' }));
    }
  }, labTestMs);
  afterAll(() => lab?.stop());

  const run = (podKey: string, argv: readonly string[]) =>
    lab.run({ in: podKey, argv, confined: true, timeoutMs: 5_000 });

  /** What a pod put on its wire, or received, while a command ran in it. */
  const emitted = async (podKey: string, argv: readonly string[]) => {
    const capture = captures.get(podKey);
    const before = await capture?.packets();
    expect(before).toBeDefined();
    const { stderr } = await run(podKey, argv);
    expect(stderr).toBe('');
    const packets = (await capture?.packets())?.slice(before?.length) ?? [];
    return packets.filter((line) => !/neighbor (solicitation|advertisement)/.test(line));
  };

  /** Connections are accepted in order: whoever came before the one we make now is in the log before it. */
  const expectOnlyLoopbackSince = async (before: number) => {
    expect((await run('atelier/mute', dial('127.0.0.1', appPort))).stdout).toBe('connected\n');
    const peers = () =>
      mute
        .connections()
        .slice(before)
        .map(({ peer }) => peer);
    await expect.poll(peers).toEqual(['::ffff:127.0.0.1']);
  };

  test.each(attempts)('emits no packet of $sentence, which an open pod does', async ({ argv, packet }) => {
    expect(await emitted('atelier/mute', argv)).toEqual([]);
    expect(await emitted('atelier/peer', argv)).toContainEqual(expect.stringMatching(packet));
  });

  test('may ask its declared resolver, and nothing else of that machine', async () => {
    expect(await emitted('atelier/mute', datagram('10.99.0.1', 53))).toContainEqual(
      expect.stringMatching(/10\.99\.0\.1\.53:/),
    );
    expect(await emitted('atelier/mute', dial('fd99::1', 53))).toContainEqual(
      expect.stringMatching(/fd99::1\.53: Flags \[S\]/),
    );
    expect(await emitted('atelier/mute', datagram('10.99.0.1', 54))).toEqual([]);
  });

  test.each(['10.99.1.2', 'fd99::1:2'])(
    'cannot reach itself around the wall by its own address %s',
    async (address) => {
      const before = mute.connections().length;
      expect((await run('atelier/mute', dial(address, appPort))).stdout).toBe('ConnectionRefusedError\n');
      expect((await run('atelier/mute', dial(address, appPort, 'eth0'))).stdout).not.toContain('connected');
      expect((await run('atelier/mute', dial(address, appPort, 'lo'))).stdout).not.toContain('connected');
      // Nor does its sidecar, when a service of its own tenant leads back to it: it meets the inbound port, where nobody is.
      const target = { in: 'atelier/mute', address, port: appPort, timeoutMs: 1_000 };
      expect(await lab.markedConnect(target)).toEqual({ kind: 'refused', errno: 'ECONNREFUSED' });
      expect(mute.connections().length).toBe(before);
      expect((await run('atelier/mute', dial('127.0.0.1', appPort))).stdout).toBe('connected\n');
    },
  );

  test.each(['10.99.1.2', 'fd99::1:2'])('hears nobody from outside at %s, on whatever port', async (address) => {
    const before = mute.connections().length;
    expect((await run('atelier/peer', dial(address, appPort))).stdout).toBe('ConnectionRefusedError\n');
    const reserved = [...capturePorts, healthPort].map((port) => run('atelier/peer', dial(address, port)));
    expect((await Promise.all(reserved)).map(({ stdout }) => stdout)).toEqual(Array(3).fill('TimeoutError\n'));
    await expectOnlyLoopbackSince(before);
  });
});

eachMode('the ports of the sidecar', (mode) => {
  test('are closed to strangers and to the application, even while something listens there', async () => {
    const lab = await startLab({ mode });
    try {
      const pod = { dnsResolvers: [], hosts: new Map() };
      await lab.addPod({ ...pod, key: 'atelier/api', addresses: ['10.99.1.2', 'fd99::1:2'], intercepted: true });
      await lab.addPod({ ...pod, key: 'atelier/peer', addresses: ['10.99.1.4', 'fd99::1:4'], intercepted: false });
      const ports = [...capturePorts, healthPort];
      const sidecar = await startApp(lab, 'atelier/api', { listen: ports.map((port) => `tcp:${port}`) });
      const dialled = async (podKey: string, address: string, port: number) =>
        (await lab.run({ in: podKey, argv: dial(address, port), confined: true, timeoutMs: 5_000 })).stdout.trim();
      const directly = ports.flatMap((port) => [
        dialled('atelier/peer', '10.99.1.2', port),
        dialled('atelier/peer', 'fd99::1:2', port),
        dialled('atelier/api', '127.0.0.1', port),
        dialled('atelier/api', '10.96.0.10', port),
      ]);
      expect(await Promise.all(directly)).toEqual(Array(12).fill('TimeoutError'));
      // The control: what is redirected does arrive there, from outside and from inside; and nothing else has.
      expect(await dialled('atelier/peer', 'fd99::1:2', appPort)).toBe('connected');
      expect(await dialled('atelier/api', '10.96.0.10', 80)).toBe('connected');
      await expect.poll(() => sidecar.connections().map(({ port }) => port)).toEqual([15_006, 15_001]);
    } finally {
      await lab.stop();
    }
  });
});

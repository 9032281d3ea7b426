import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AppProcess, startApp } from '../../src/lab/app-process.ts';
import { type EnvoyProcess, startEnvoy } from '../../src/lab/envoy-process.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { eachMode, labTestMs } from '../lab/each-mode.ts';
import { writeStaticSidecar } from '../lab/static-sidecar.ts';

/** Where both pods may call: the service's virtual addresses; its only endpoint is the second pod. */
const service = { addresses: ['10.96.0.10', 'fd96::10'], port: 80 };
const endpoint = { address: '10.99.1.3', port: 8080 };

eachMode('two pods with a real Envoy each', (mode) => {
  let lab: Lab;
  let app: AppProcess;
  let callee: EnvoyProcess;
  beforeAll(async () => {
    lab = await startLab({ mode });
    for (const [key, last] of [
      ['atelier/web', 2],
      ['atelier/api', 3],
    ] as const) {
      const addresses = [`10.99.1.${last}`, `fd99::1:${last}`];
      const hosts = new Map([['api.atelier', '10.96.0.10']]);
      await lab.addPod({ key, addresses, intercepted: true, dnsResolvers: [], hosts });
    }
    app = await startApp(lab, 'atelier/api', { service: 'api', listen: ['http:8080', 'tcp:5432'] });
    const envoys = await Promise.all(
      ['atelier/web', 'atelier/api'].map((key) =>
        startEnvoy(lab, key, {
          bootstrapPath: writeStaticSidecar(lab, {
            name: key.replaceAll('/', '.'),
            declaredPort: 8080,
            service,
            endpoint,
          }),
        }),
      ),
    );
    await Promise.all(envoys.map((envoy) => envoy.waitLive()));
    [, callee] = envoys as [EnvoyProcess, EnvoyProcess];
  }, labTestMs);
  afterAll(() => lab?.stop());

  const curl = async (podKey: string, url: string) => {
    const argv = ['curl', '--silent', '--max-time', '3', '--write-out', '%{http_code}', url];
    return (await lab.run({ in: podKey, argv, confined: true, timeoutMs: 5_000 })).stdout;
  };
  const inboundConnections = async () => (await callee.stats('tcp.inbound.downstream_cx_total')).values().next().value;

  test.each(['http://10.96.0.10/ok', 'http://[fd96::10]/ok', 'http://api.atelier/ok'])(
    '%s goes out by one sidecar and in by the other, and the application sees loopback alone',
    async (url) => {
      const before = await inboundConnections();
      expect(await curl('atelier/web', url)).toMatch(/"service":"api","method":"GET","path":"\/ok".*\n200$/);
      expect(await inboundConnections()).toBe((before ?? 0) + 1);
      expect(app.requests().at(-1)).toMatchObject({ method: 'GET', path: '/ok', peer: '::ffff:127.0.0.1' });
    },
  );

  test('a sidecar that calls its own pod meets its own inbound listener', async () => {
    const before = await inboundConnections();
    expect(await curl('atelier/api', 'http://10.96.0.10/self')).toMatch(/200$/);
    expect(await inboundConnections()).toBe((before ?? 0) + 1);
  });

  test('what no listener names is closed: another address, another port, a pod directly, the pod itself', async () => {
    for (const authority of ['10.96.0.11', '10.96.0.10:81', '10.99.1.3:8080', '[fd99::1:3]:8080']) {
      expect(await curl('atelier/web', `http://${authority}/`)).toBe('000');
    }
    expect(await curl('atelier/api', 'http://10.99.1.3:8080/')).toBe('000');
  });

  test('an undeclared port is closed to whoever reaches the pod, and the application never hears of it', async () => {
    const argv = [
      'python3',
      '-c',
      'import socket; s = socket.socket(); s.setsockopt(1, 36, 0xc0f); s.connect(("10.99.1.3", int(__import__("sys").argv[1]))); s.settimeout(2); s.send(b"GET / HTTP/1.0\\r\\n\\r\\n"); print(len(s.recv(100)))',
    ];
    const read = (port: string) =>
      lab.run({ in: 'atelier/web', argv: [...argv, port], confined: false, timeoutMs: 5_000 });
    const refused = await read('5432');
    expect(refused.stdout + refused.stderr).toMatch(/^0\n$|ConnectionResetError/);
    expect((await read('8080')).stdout).toBe('100\n');
    expect(app.connections().filter(({ port }) => port === 5432)).toEqual([]);
    expect(new Set(app.connections().map(({ peer }) => peer))).toEqual(new Set(['::ffff:127.0.0.1']));
  });

  test('the admin interface answers outside the pod by its socket, and the application inside not at all', async () => {
    expect(await callee.ready()).toBe(true);
    expect(await callee.configDump()).toMatchObject({ configs: expect.any(Array) });
    await expect(callee.admin('/nonsense')).rejects.toThrow(/with 404/);
    const argv = ['curl', '--silent', '--unix-socket', callee.adminSocket, 'http://envoy/ready'];
    const ask = (confined: boolean) => lab.run({ in: 'atelier/api', argv, confined, timeoutMs: 5_000 });
    expect((await ask(false)).stdout).toBe('LIVE\n');
    expect(await ask(true)).toMatchObject({ code: 7, stdout: '' });
  });

  test('a bootstrap that Envoy refuses is told with what its log says', async () => {
    const bootstrapPath = writeStaticSidecar(lab, {
      name: 'broken',
      declaredPort: 8080,
      service,
      endpoint: { address: 'no-address', port: 1 },
    });
    const envoy = await startEnvoy(lab, 'atelier/web', { bootstrapPath });
    await expect(envoy.waitLive()).rejects.toThrow(/is not live \(code 1\).*malformed IP address/s);
  });
});

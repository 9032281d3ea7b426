/**
 * One identity cut off under traffic: its requests, its connections and those to it end in the times that are promised, on
 * every peer, also where its own sidecar is lost; nobody else's does. It outlives a restart, and is let back.
 *
 *   atelier   web, clerk ─▶ api (HTTP), db (TCP, speaks first)
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { run } from '../cli/run-command.ts';
import { inLab } from './differential/in-lab.ts';
import { strangers } from './invariants.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { type Steady, type SteadyAnswer, startSteady } from './steady.ts';
import { greetingOf, hold } from './tcp-dial.ts';

/** What is promised of requests, in ms. */
const httpPromisedMs = 1_000;
/** What is promised of established connections, in ms. */
const tcpPromisedMs = 2_000;
/** Bound of a wait for what is promised of nobody, in ms: sidecars come back to a control plane by Envoy's back-off. */
const patienceMs = 30_000;
const dbPort = 5_432;
const greeting = 'hello from atelier/db-0\n';
const web = 'atelier/web-0';
const clerk = 'atelier/clerk-0';
const url = 'http://api.atelier/deeds/7';
const identity = `spiffe://${trustDomain}/ns/atelier/sa/web`;

const pod = (name: string, address: string, port: number) =>
  podText({ namespace: 'atelier', name: `${name}-0`, account: name, addresses: [address], ports: [port] });

const files = (authorization: string) => ({
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] }, authorization: { mode: ${authorization} } }
`,
  'objects.yaml': documents(
    'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: atelier }\nspec: { environment: test }',
    pod('web', '10.99.1.1', 8_080),
    pod('clerk', '10.99.1.4', 8_080),
    pod('api', '10.99.1.2', 8_080),
    pod('db', '10.99.1.3', dbPort),
    serviceText('atelier', 'api', '10.96.1.2', 'api', 'name: http, port: 80, targetPort: 8080'),
    serviceText('atelier', 'db', '10.96.1.3', 'db', `name: tcp, port: ${dbPort}`),
  ),
});

const isServed = ({ status }: SteadyAnswer) => status === 200;

inLab('quarantine', () => {
  describe.each(['everyRequest', 'dynamicOnly'])('under `%s`', (authorization) => {
    let mesh: MeshLab;
    const folder = meshFolder(files(authorization));
    beforeAll(async () => {
      mesh = await MeshLab.start({
        folder,
        listen: ({ ports }) => ports.map(({ port }) => `${port === dbPort ? 'tcp' : 'http'}:${port}`),
      });
    });
    afterAll(async () => {
      expect(mesh === undefined ? [] : strangers(mesh)).toEqual([]);
      await mesh?.stop();
      removeFolder(folder);
    });

    const coffre = (...args: readonly string[]) => run(...args, '--state', mesh.stateFolder);
    const cutOff = (who: string) => coffre('quarantine', who, '--reason', 'an alarm');
    const greets = (from: string) => greetingOf(mesh.lab, from, 'db.atelier', dbPort);

    async function refusedFrom(steady: Steady, actedMs: number): Promise<number> {
      const first = await steady.until('a refusal', (each) => each.askedMs >= actedMs && !isServed(each));
      await steady.until('and after it', ({ askedMs }) => askedMs > first.answeredMs + 500);
      expect(steady.answers().filter((each) => each.askedMs > first.askedMs && isServed(each))).toEqual([]);
      return first.askedMs - actedMs;
    }

    test.each([
      ['by its own sidecar and by its peers', false],
      ['by its peers, its own sidecar being lost', true],
    ])('a caller is refused, %s, and nobody else is', { timeout: 120_000 }, async (_, isLost) => {
      const others = await startSteady(mesh.lab, clerk, [url], { perSecond: 50 });
      const own = await startSteady(mesh.lab, web, [url], { perSecond: 50, http2: true });
      const held = await hold(mesh.lab, web, 'db.atelier', dbPort);
      await own.until('the first 200', isServed);
      await others.until('the first 200', isServed);
      // A sidecar that hears nothing any more keeps what it had: all that leads out is open.
      const lost = isLost ? await blind(mesh, web) : undefined;

      const actedMs = Date.now();
      expect((await cutOff(web)).code).toBe(0);
      const httpMs = await refusedFrom(own, actedMs);
      expect(httpMs).toBeLessThan(httpPromisedMs);
      // Of a peer, and not of a sidecar that closed: that one heard nothing.
      if (isLost) expect(own.answers().at(-1)).toMatchObject({ status: 403 });
      const tcpMs = Number((await held.waitForLine(/^ended/, 20_000)).split(' ')[1]) * 1_000 - actedMs;
      expect(tcpMs).toBeLessThan(tcpPromisedMs);
      expect(await greets(web)).toBe('');
      expect(others.answers().filter((each) => !isServed(each))).toEqual([]);
      expect(await greets(clerk)).toBe(greeting);
      console.log(
        `${authorization}, ${isLost ? 'lost' : 'whole'}: next request ${httpMs} ms, connection ${Math.round(tcpMs)} ms`,
      );

      const why = await coffre('explain', '--from', 'atelier/web', '--to', 'atelier/api:80', '--path', '/deeds/7');
      expect(why.out).toContain('quarantine');
      expect((await coffre('status')).out).toContain(identity);

      // What a peer refused is an event with that reason; a sidecar that closed left nobody to refuse.
      const denials = async () => (await coffre('events', '--kind', 'denial', '--identity', identity)).out;
      if (isLost) await expect.poll(denials, { timeout: patienceMs }).toContain('quarantined');

      await lost?.();
      expect((await coffre('quarantine', web, '--release')).code).toBe(0);
      const releasedMs = Date.now();
      await own.until('served again', (each) => each.askedMs > releasedMs && isServed(each));
      await expect.poll(() => greets(web), { timeout: patienceMs }).toBe(greeting);
      await Promise.all([own.stop(), others.stop()]);
    });

    test('whom nobody may reach is reached by nobody, and a restart forgets no quarantine', {
      timeout: 120_000,
    }, async () => {
      const asking = await startSteady(mesh.lab, clerk, [url], { perSecond: 50 });
      const held = await hold(mesh.lab, clerk, 'db.atelier', dbPort);
      await asking.until('the first 200', isServed);
      // Their own sidecars are lost: it is their callers' that lead nobody there.
      const lost = await Promise.all([blind(mesh, 'atelier/api-0'), blind(mesh, 'atelier/db-0')]);
      const actedMs = Date.now();
      await Promise.all([cutOff('atelier/api'), cutOff('atelier/db')]);
      expect(await refusedFrom(asking, actedMs)).toBeLessThan(httpPromisedMs);
      const tcpMs = Number((await held.waitForLine(/^ended/, 20_000)).split(' ')[1]) * 1_000 - actedMs;
      expect(tcpMs).toBeLessThan(tcpPromisedMs);
      expect(await greets(clerk)).toBe('');
      for (const through of lost) await through();

      await mesh.killControlPlane();
      await mesh.startControlPlane();
      const restartedMs = Date.now();
      await asking.until('some time', ({ askedMs }) => askedMs > restartedMs + 2_000);
      expect(asking.answers().filter((each) => each.askedMs > actedMs + httpPromisedMs && isServed(each))).toEqual([]);
      expect((await coffre('quarantine', '--list')).out).toContain('/sa/db');

      await coffre('quarantine', 'atelier/api', '--release');
      await coffre('quarantine', 'atelier/db', '--release');
      const releasedMs = Date.now();
      await asking.until('served again', (each) => each.askedMs > releasedMs && isServed(each));
      await expect.poll(() => greets(clerk), { timeout: patienceMs }).toBe(greeting);
      await asking.stop();
    });

    test('it ends by itself, and no sooner', { timeout: 60_000 }, async () => {
      const own = await startSteady(mesh.lab, web, [url], { perSecond: 50 });
      await own.until('the first 200', isServed);
      const endMs = Date.now() + 3_000;
      await coffre('quarantine', web, '--reason', 'an alarm', '--until', new Date(endMs).toISOString());
      await own.until('a refusal', (each) => !isServed(each));
      const refusedMs = Date.now();
      const back = await own.until('served again', (each) => each.askedMs > refusedMs && isServed(each));
      expect(back.answeredMs).toBeGreaterThanOrEqual(endMs);
      await expect.poll(async () => (await coffre('quarantine', '--list')).out).toContain('nobody');
      await own.stop();
    });

    test('a machine cuts off by an alarm, with curl, and may not release', { timeout: 60_000 }, async () => {
      const person = join(mesh.lab.privateDir, 'edr');
      await coffre('admin', 'issue', '--role', 'responder', '--mesh', '--name', 'edr', '--out', person);
      const post = async (method: string, body: object): Promise<unknown> => {
        const argv = [
          ...['curl', '-sS', '--cacert', `${person}/mesh-root.crt`, '--cert', `${person}/person.crt`],
          ...['--key', `${person}/person.key`, '--connect-to', `coffre.mesh.coffre:443:${mesh.peopleAddress}`],
          ...['-H', 'content-type: application/json', '-d', JSON.stringify(body)],
          `https://coffre.mesh.coffre/v1/${method}`,
        ];
        const { stdout, stderr } = await mesh.lab.run({ in: hostPlace, argv, confined: false, timeoutMs: 10_000 });
        return stdout === '' ? stderr : JSON.parse(stdout);
      };
      const alarm = { alarm: 'edr-17', at: new Date().toISOString(), workload: web, reason: 'malware on the pod' };
      expect(await post('quarantineAlarm', alarm)).toMatchObject({ begun: true, quarantine: { spiffeId: identity } });
      expect(await post('quarantineAlarm', alarm)).toMatchObject({ begun: false });
      expect(await post('quarantineRelease', { workload: web })).toMatchObject({ code: 'role' });
      await expect.poll(() => greets(web), { timeout: patienceMs }).toBe('');
      await coffre('quarantine', web, '--release');
      expect(await post('quarantineAlarm', alarm)).toMatchObject({ begun: false });
      expect((await coffre('quarantine', '--list')).out).toContain('nobody');
      await expect.poll(() => greets(web), { timeout: patienceMs }).toBe(greeting);
      const told = await coffre('events', '--kind', 'quarantine', '-o', 'json');
      for (const act of ['begun', 'released']) expect(told.out).toContain(`"act":"${act}"`);
    });
  });
});

/** Stops the control plane's words from reaching one sidecar, as an attacker on its pod might. @returns lets them through again. */
async function blind(mesh: MeshLab, key: string): Promise<() => Promise<void>> {
  const rule = ['INPUT', '-p', 'tcp', '--sport', mesh.controlPlaneAddress.split(':').at(-1) ?? '', '-j', 'DROP'];
  const iptables = (act: string) =>
    mesh.lab.run({ in: key, argv: ['iptables', act, ...rule], confined: false, timeoutMs: 10_000 });
  await iptables('-I');
  return async () => {
    await iptables('-D');
  };
}

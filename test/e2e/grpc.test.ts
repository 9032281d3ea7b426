/**
 * gRPC through the mesh, between programs that know of no proxy: one message, many messages, refusals in gRPC's own words.
 *
 *   atelier   web ─▶ ledger (gRPC, every request judged)       the ledger's own output is the judge of what arrived
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { inLab } from './differential/in-lab.ts';
import type { CallEnd, Echoed } from './grpc/echo-client.ts';
import type { SeenCall } from './grpc/echo-server.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { jsonLines } from './steady.ts';

const port = 9_000;
const web = 'atelier/web-0';
const ledger = 'atelier/ledger-0';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Longest wait for something that takes some tens of milliseconds, in ms. */
const patienceMs = 10_000;

const files = {
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] }, authorization: { mode: everyRequest } }
`,
  'atelier.yaml': documents(
    'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: atelier }\nspec: { environment: test }',
    podText({ namespace: 'atelier', name: 'web-0', account: 'web', addresses: ['10.99.1.1'], ports: [] }),
    podText({ namespace: 'atelier', name: 'ledger-0', account: 'ledger', addresses: ['10.99.1.2'], ports: [port] }),
    serviceText('atelier', 'ledger', '10.96.1.2', 'ledger', `name: grpc, port: ${port}`),
  ),
  'hidden.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: hidden, namespace: atelier }
spec: { selector: { matchLabels: { app: ledger } }, deny: [{ to: { paths: [/test.Echo/Hidden] } }] }
`,
};

inLab('gRPC through the mesh', () => {
  let mesh: MeshLab;
  let server: LabProcess;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({ folder, listen: () => [] });
    server = await run(ledger, 'echo-server', String(port));
    await server.waitForLine(/^ready$/, patienceMs);
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });

  const run = (pod: string, script: string, ...args: readonly string[]) => {
    const path = fileURLToPath(new URL(`./grpc/${script}.ts`, import.meta.url));
    return mesh.lab.spawn({ in: pod, argv: [process.execPath, path, ...args], confined: true, name: script });
  };
  const say = async (method: string, text: string): Promise<CallEnd> => {
    const client = await run(web, 'echo-client', `ledger:${port}`, 'say', method, text);
    await client.exited;
    return jsonLines<CallEnd>(client.stdoutPath)[0] ?? expect.fail('the client said nothing');
  };
  const seen = () => jsonLines<SeenCall>(server.stdoutPath);
  const echoes = (client: LabProcess) => jsonLines<Echoed>(client.stdoutPath).map(({ echo }) => echo);
  const expectMoreEchoes = async (client: LabProcess) => {
    const before = echoes(client).length;
    await expect.poll(() => echoes(client).length, { timeout: patienceMs }).toBeGreaterThan(before + 3);
  };

  const sidecarLog = () => mesh.sidecar(ledger).process.stdoutPath;
  /** What `coffre explain ID` prints of a running mesh, once the id is in the log. */
  const explained = async (id: string, log: string): Promise<string> => {
    await expect.poll(() => readFileSync(log, 'utf8'), { timeout: patienceMs }).toContain(id);
    let said = '';
    const take = (text: string) => {
      said += text;
    };
    await runProgram(['explain', id, '--log', log, '--state', mesh.stateFolder], {
      out: take,
      err: take,
      setExitCode: () => undefined,
      nowMs: Date.now,
      signal: new AbortController().signal,
    });
    expect(said).toContain(`decision ${id}`);
    return said;
  };

  test('one message is answered, and the server is told who called', async () => {
    expect(await say('Say', 'seven')).toMatchObject({ status: 'OK', text: 'seven' });
    expect(seen().at(-1)).toMatchObject({
      method: 'Say',
      id: expect.stringMatching(uuid),
      caller: expect.stringContaining(`URI=spiffe://${trustDomain}/ns/atelier/sa/web`),
    });
  });

  test('the status in the server’s trailers is the one that the caller reads', async () => {
    expect(await say('Say', 'fail')).toMatchObject({ status: 'FAILED_PRECONDITION', text: 'asked to fail' });
  });

  test('a refusal is PERMISSION_DENIED with a decision id, and the server hears nothing', async () => {
    const before = seen().length;
    expect(await say('Hidden', 'seven')).toMatchObject({
      status: 'PERMISSION_DENIED',
      decision: expect.stringMatching(uuid),
    });
    expect(seen().length).toBe(before);
  });

  test('a refusal is in the sidecar’s log, and an allow in the worker’s: each id is explained from there', async () => {
    const refused = await explained((await say('Hidden', 'seven')).decision, sidecarLog());
    expect(refused).toContain('by the sidecar: deny, rbac_access_denied');
    expect(refused).toMatch(/access-policy\/atelier\/hidden\/deny\/0.*hidden\.yaml:\d+/);

    const allowed = await explained((await say('Say', 'seven')).decision, mesh.decisionsPath);
    expect(allowed).toContain('by the worker: allow, tenant/atelier/default');
    expect(allowed).toMatch(/`tenant\/atelier\/default` \(atelier\.yaml:\d+\) allows it/);
  });

  test('messages of a stream travel each way as they are said, and outlive the worker that let it in', async () => {
    const client = await run(web, 'echo-client', `ledger:${port}`, 'talk');
    await expect.poll(() => echoes(client).length, { timeout: patienceMs }).toBeGreaterThan(3);
    await mesh.killAuthzWorker();
    expect(await say('Say', 'seven')).toMatchObject({ status: 'UNAVAILABLE', decision: expect.stringMatching(uuid) });
    await expectMoreEchoes(client);
    await mesh.startAuthzWorker();
    await expect.poll(async () => (await say('Say', 'seven')).status, { timeout: patienceMs }).toBe('OK');
    // A policy is an RDS push: what is open goes on, what comes next is judged.
    mesh.write('hidden.yaml', files['hidden.yaml'].replace('Hidden', 'Say'));
    await expect
      .poll(async () => (await say('Say', 'seven')).status, { timeout: patienceMs })
      .toBe('PERMISSION_DENIED');
    await expectMoreEchoes(client);
    expect(echoes(client)).toEqual(echoes(client).map((_, index) => index + 1));
    await client.kill('SIGKILL');
  });
});

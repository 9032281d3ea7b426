/** The lean server and grpc-go as its client: many calls at once, large ones among them, and a drain while they go on. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Authorization } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { buildGo } from '../../bench/go-program.ts';
import { createLeanServer } from '../../src/grpc/lean-server.ts';
import { clientLeaf, serverLeaf, serverName, testAuthority } from './authority.ts';

const hasGo = spawnSync('go', ['version']).status === 0;
/** A first build compiles all of grpc-go. */
const buildMs = 600_000;
const calls = 10_000;
/** How many calls are answered when the client is asked to come back on a new connection. */
const drainsAt = [2_000, 6_000];
/** Longer than any call takes. */
const graceMs = 30_000;

describe.skipIf(!hasGo)('grpc-go (needs `go` to be built)', () => {
  let program: string;
  beforeAll(() => {
    program = buildGo({
      module: 'bench/peers/authz-grpc-go',
      main: './call-echo',
      binary: '.cache/bench/call-echo',
    });
  }, buildMs);

  test('has every call answered, also those that it makes while its connection is drained', async () => {
    const authority = await testAuthority();
    const callersEnds = new Set<string>();
    let answered = 0;
    const server = createLeanServer({
      address: '127.0.0.1:0',
      tls: { ...serverLeaf(authority), clientCaPem: authority.rootPem },
      requireClientCertificate: true,
    });
    server.addMethod(Authorization.method.check, {
      kind: 'unary',
      answer(message, { address }) {
        callersEnds.add(address);
        answered += 1;
        if (drainsAt.includes(answered)) server.drain(graceMs);
        return { kind: 'message', bytes: message };
      },
    });
    const bound = await server.bind();
    if (bound.kind !== 'bound') throw new Error(bound.message);
    onTestFinished(async () => {
      await server.close(0);
    });

    const folder = mkdtempSync(join(tmpdir(), 'coffre-grpc-go-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { certificateChainPem, privateKeyPem } = clientLeaf(authority);
    writeFileSync(join(folder, 'client.crt'), certificateChainPem);
    writeFileSync(join(folder, 'client.key'), privateKeyPem.reveal(), { mode: 0o600 });
    writeFileSync(join(folder, 'root.crt'), authority.rootPem);
    const client = spawn(program, [folder, `127.0.0.1:${bound.port}`, serverName, String(calls)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      client.kill();
    });
    const said: unknown[] = [];
    for await (const line of createInterface({ input: client.stdout })) said.push(JSON.parse(line));
    expect(said).toEqual([{ calls, wrong: [] }]);
    expect(answered).toBe(calls);
    expect(callersEnds.size).toBe(1 + drainsAt.length);
  });
});

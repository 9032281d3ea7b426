/** The stream between replicas as it is: real certificates of one CA, real sockets of loopback. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandSchema, HelloSchema, type Report, ReportSchema } from '#gen/coffre/peers/v1/peers_pb.js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/grpc-server.ts';
import { type Authority, defaultServerDnsName } from '../../src/identity/authority.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { controlPlaneSpiffeId } from '../../src/model/system-namespace.ts';
import { messageBytesMax, unsentMax } from '../../src/peers/limits.ts';
import { PeersClient } from '../../src/peers/peers-client.io.ts';
import { addPeersService } from '../../src/peers/peers-service.io.ts';
import { systemClock } from '../../src/system-clock.ts';
import { freePort } from '../fixtures/free-port.ts';

const trustDomain = 'mesh.test';
const workload = `spiffe://${trustDomain}/ns/shop/sa/cart`;

describe('the door of the replicas', () => {
  const folders: string[] = [];
  let ours: Authority;
  let foreign: Authority;
  let server: GrpcServer;
  let address: string;
  const heard: Report[] = [];
  const ends: string[] = [];
  const strangers: string[] = [];
  let say: (() => void) | undefined;

  async function authority(): Promise<Authority> {
    const folder = await mkdtemp(join(tmpdir(), 'coffre-peers-'));
    folders.push(folder);
    const opened = await openAuthority({ stateFolder: folder, trustDomain, ports: systemPorts });
    await opened.ensure({ tenants: ['shop'], spiffeIds: [workload], leafLifetimeMs: 3_600_000 });
    return opened;
  }

  beforeAll(async () => {
    [ours, foreign] = await Promise.all([authority(), authority()]);
    address = `127.0.0.1:${await freePort()}`;
    server = createGrpcServer({
      ...{ address, receiveMessageBytesMax: messageBytesMax, requireClientCertificate: true },
      tls: { ...present(ours.serverCredentials()), clientCaPem: ours.rootPem },
    });
    addPeersService(server, {
      ...{ spiffeId: controlPlaneSpiffeId(trustDomain), clock: systemClock },
      take(stream) {
        say = () => stream.send(create(CommandSchema, { term: 7n }));
        return { heard: (report) => heard.push(report), closed: (why) => ends.push(why) };
      },
      answer: async (question) => Buffer.from(`${Buffer.from(question).toString()}!`),
      refused: (_from, why) => strangers.push(why),
    });
    expect((await server.bind()).kind).toBe('bound');
  });

  afterAll(async () => {
    await server.close(100);
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  /** @returns why the stream ended, and what it heard. */
  function follow(certificate: Leaf | undefined, anchors = ours.rootPem) {
    const commands: bigint[] = [];
    const client = new PeersClient(
      () => certificate && { certificate, serverName: defaultServerDnsName, serverCaPem: anchors },
    );
    const ended = Promise.withResolvers<string>();
    const stream = client.connect(address, {
      heard: ({ term }) => commands.push(term),
      closed: ended.resolve,
    });
    return { client, stream, commands, ended: ended.promise };
  }

  const hello = (replica: string) =>
    create(ReportSchema, { kind: { case: 'hello', value: create(HelloSchema, { replica }) } });

  test('two control planes hear each other, and of each other’s end', async () => {
    const { stream, commands, client } = follow(ours.clientCredentials());
    stream.send(hello('coffre-1'));
    await expect.poll(() => heard.at(-1)?.kind.value).toMatchObject({ replica: 'coffre-1' });
    say?.();
    await expect.poll(() => commands).toEqual([7n]);
    expect(Buffer.from((await client.ask(address, Buffer.from('who'))) ?? []).toString()).toBe('who!');
    stream.end('seen');
    await expect.poll(() => ends.length).toBe(1);
  });

  test('a workload of the mesh is refused, though its certificate is good, stream and question alike', async () => {
    const taken = heard.length;
    const { stream, ended, client } = follow(ours.leaf(workload));
    stream.send(hello('coffre-2'));
    expect(await ended).toContain('for control planes only');
    expect(await client.ask(address, Buffer.from('who'))).toBeUndefined();
    expect(strangers).toEqual(Array.from({ length: 2 }, () => `\`${workload}\` is no control plane`));
    expect(heard.length).toBe(taken);
  });

  test('a control plane of another CA is refused in the handshake, and refuses', async () => {
    const taken = strangers.length;
    expect(await follow(foreign.clientCredentials()).ended).toMatch(/UNAVAILABLE/);
    expect(await follow(ours.clientCredentials(), foreign.rootPem).ended).toMatch(/UNAVAILABLE/);
    expect(strangers.length).toBe(taken);
  });

  test('who has no certificate yet is told so, and tries nothing', async () => {
    const { ended, client } = follow(undefined);
    expect(await ended).toBe('this replica has no certificate of its own yet');
    expect(await client.ask(address, Buffer.from('who'))).toBeUndefined();
  });

  test('a stream that takes nothing is ended, and not waited for', async () => {
    const { stream, ended } = follow(ours.clientCredentials());
    const report = hello('x'.repeat(64_000));
    for (let each = 0; each <= unsentMax; each += 1) stream.send(report);
    expect(await ended).toBe('the other side takes nothing');
  });
});

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('it is missing');
  return value;
}

/**
 * The one door between the conformance suite and a server: everything else is gRPC.
 * To point the suite at another server, write another `startServer` with the same adapter.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { SnapshotCache } from '../../src/xds/cache.ts';
import type { ClientStatus } from '../../src/xds/client-status.ts';
import type { Admission, Caller, Greeting, Stranger } from '../../src/xds/ports.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { type Contents, snapshotOf } from '../xds/resources.ts';
import { TestClock } from '../xds/test-clock.ts';

export interface ServerUnderTest {
  readonly address: string;
  readonly clock: TestClock;
  /** What the server told its host, oldest first. */
  readonly events: XdsEvent[];
  /** Replaces everything the node may be told. Probe resources are added, see `Session.silence`. */
  set(nodeId: string, contents: Contents, revision?: string): void;
  /** The node does not exist any more. */
  delete(nodeId: string): void;
  setReady(): void;
  /** Judges the callers from now on; until then every node is the client of its own id. */
  admit(judge: (caller: Caller) => Promise<Admission>): void;
  /** Judges them before they have spoken; until then each holds credentials of its own. */
  greet(judge: (caller: Stranger) => Promise<Greeting>): void;
  status(): readonly ClientStatus[];
  stop(): Promise<void>;
}

/** Runtime layers that exist in every snapshot, so that there is always a further one to ask for. */
const probes = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`probe-${index}`, 'here']));

export async function startServer({ ready = true } = {}): Promise<ServerUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'xds-'));
  const address = `unix:${join(folder, 'xds.sock')}`;
  const snapshots = new SnapshotCache();
  const clock = new TestClock();
  const events: XdsEvent[] = [];
  let judge = (caller: Caller): Promise<Admission> => Promise.resolve({ kind: 'client', key: caller.node.id });
  let strangers = 0;
  let greet = (_: Stranger): Promise<Greeting> => Promise.resolve({ kind: 'heard', holder: `${strangers++}` });
  const service = createXdsService({
    greet: (stranger) => greet(stranger),
    authenticate: (caller) => judge(caller),
    snapshots,
    clock,
    observe: (event) => events.push(event),
    identifier: 'conformance',
  });
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(service.definition, service.implementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  if (ready) snapshots.setReady();
  return {
    address,
    clock,
    events,
    set: (nodeId, contents, revision) =>
      snapshots.set(nodeId, snapshotOf({ ...contents, runtime: { ...probes, ...contents.runtime } }, revision)),
    delete: (nodeId) => snapshots.delete(nodeId),
    setReady: () => snapshots.setReady(),
    admit: (next) => {
      judge = next;
    },
    greet: (next) => {
      greet = next;
    },
    status: () => service.status(),
    stop: async () => {
      service.close();
      server.forceShutdown();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

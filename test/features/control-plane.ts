/**
 * The whole way in one process: objects that a test edits, the real loop, the real xDS server on a Unix socket.
 *
 *   mesh.write(yaml) ──▶ Loop ──▶ Rollout ──▶ SnapshotCache ──▶ ADS over gRPC ──▶ Sidecar        clock and CA are fakes
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { admitProxy } from '../../src/controller/admit-proxy.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import { tokenHeader } from '../../src/grpc/peer.ts';
import type { TokenVerdict } from '../../src/identity/token-claims.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { MeshLoop } from '../fixtures/mesh-loop.ts';

/** Turns of the event loop without a word after which nothing more comes: both ends are in this process. */
const quietTurns = 3;

export class ControlPlane {
  rollout: Rollout | undefined;
  readonly mesh = new MeshLoop(undefined, ({ clock, cache }) => {
    this.rollout = new Rollout({ clock, cache, refusalsChanged: () => this.mesh.loop.tellProblems() });
    return this.rollout;
  });
  readonly events: XdsEvent[] = [];
  readonly address: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'ads-'));
  readonly #server = new Server();
  readonly #close: () => void;

  private constructor() {
    this.address = `unix:${join(this.#folder, 'ads.sock')}`;
    const { clock, cache: snapshots } = this.mesh;
    const service = createXdsService({
      identifier: 'features',
      clock,
      snapshots,
      observe: (event) => {
        this.events.push(event);
        this.rollout?.heard(event);
      },
      authenticate: async ({ node, header }) =>
        admitProxy(verdictOn(header(tokenHeader) ?? ''), {
          nodeId: node.id,
          nodeCluster: node.cluster,
          snapshot: this.mesh.snapshot,
        }),
    });
    this.#server.addService(service.definition, service.implementation);
    this.#close = () => service.close();
  }

  static async start(): Promise<ControlPlane> {
    const plane = new ControlPlane();
    const credentials = ServerCredentials.createInsecure();
    await new Promise<void>((resolve, reject) => {
      plane.#server.bindAsync(plane.address, credentials, (error) => (error ? reject(error) : resolve()));
    });
    return plane;
  }

  /** Resolves once every response was acknowledged and nothing follows. */
  async quiet(): Promise<void> {
    let silent = 0;
    for (let seen = -1; silent < quietTurns; seen = this.events.length) {
      await nextTurn();
      silent = this.#unanswered() === 0 && this.events.length === seen ? silent + 1 : 0;
    }
  }

  async write(yaml: string): Promise<void> {
    await this.mesh.write(yaml);
    await this.quiet();
  }

  async pass(ms: number): Promise<void> {
    await this.mesh.pass(ms);
    await this.quiet();
  }

  async stop(): Promise<void> {
    await this.mesh.loop.stop();
    this.#close();
    this.#server.forceShutdown();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #unanswered(): number {
    const closed = new Set(this.events.flatMap((event) => (event.kind === 'stream-closed' ? [event.stream] : [])));
    const open = new Set<string>();
    for (const event of this.events) {
      if (!('nonce' in event) || closed.has(event.stream)) continue;
      const name = `${event.stream} ${event.typeUrl} ${event.nonce}`;
      if (event.kind === 'pushed') open.add(name);
      else open.delete(name);
    }
    return open.size;
  }
}

/** A token of these tests is `namespace/pod account`; any other is forged. */
export function tokenOf(workload: string, serviceAccount: string): string {
  return `${workload} ${serviceAccount}`;
}

function verdictOn(token: string): TokenVerdict {
  const [workload, serviceAccount] = token.split(' ');
  if (workload === undefined || serviceAccount === undefined) return { kind: 'refused', reason: 'bad-signature' };
  return { kind: 'ok', workload, serviceAccount, expiresAtMs: Infinity };
}

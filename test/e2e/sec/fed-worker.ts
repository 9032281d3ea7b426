/**
 * A whole authorization worker in this process, fed over xDS with whatever mesh a test hands it.
 *
 *   teach(mesh) ──configure──▶ ADS ──▶ AuthzWorker ◀── Check ── Envoy        every decision is kept
 */
import { join } from 'node:path';
import { systemClock as checkClock } from '../../../src/authz/system-clock.io.ts';
import { configure, type IssuedTrust, workerKey } from '../../../src/controller/configure.ts';
import { authzServerName } from '../../../src/envoy/ext-authz.ts';
import { createGrpcClient } from '../../../src/grpc/grpc-client.ts';
import { createGrpcServer, type GrpcServer } from '../../../src/grpc/grpc-server.ts';
import { Redacted } from '../../../src/identity/redacted.ts';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { programTypeUrl } from '../../../src/policy/program.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { AuthzWorker } from '../../../src/verdict/authz-worker.io.ts';
import type { TokenVerifier } from '../../../src/verdict/bearer-token.ts';
import { KnowledgeKeeper } from '../../../src/verdict/knowledge-keeper.io.ts';
import { SnapshotCache } from '../../../src/xds/cache.ts';
import { createXdsService } from '../../../src/xds/server.io.ts';
import { RecordingObserver } from '../../authz/support/recording-observer.ts';
import { platform } from '../../fixtures/configured.ts';
import type { Credentials } from '../differential/callers.ts';

const key = 'worker';
/** Where no test asks for tokens. */
export const nobodyVouches: TokenVerifier = {
  verify: () => ({ kind: 'invalid', why: 'nobody vouches for it' }),
};

export class FedWorker {
  readonly observer: RecordingObserver;
  readonly #trust: IssuedTrust;
  readonly #snapshots: SnapshotCache;
  readonly #ads: GrpcServer;
  readonly #worker: AuthzWorker;
  readonly #progress: Progress;

  private constructor(
    trust: IssuedTrust,
    snapshots: SnapshotCache,
    ads: GrpcServer,
    worker: AuthzWorker,
    observer: RecordingObserver,
    progress: Progress,
  ) {
    this.#trust = trust;
    this.#snapshots = snapshots;
    this.#ads = ads;
    this.#worker = worker;
    this.observer = observer;
    this.#progress = progress;
  }

  /** @param folder for its socket `worker.sock` and its memory. @returns one that serves by `mesh`. */
  static async start(
    folder: string,
    trust: IssuedTrust,
    server: Credentials,
    mesh: Snapshot,
    tokens: TokenVerifier,
  ): Promise<FedWorker> {
    const [snapshots, progress, observer] = [new SnapshotCache(), new Progress(), new RecordingObserver()];
    const address = `unix:${join(folder, 'worker-ads.sock')}`;
    const ads = createGrpcServer({
      address,
      tls: { certificateChainPem: server.certificateChainPem, privateKeyPem: new Redacted(server.privateKeyPem) },
      requireClientCertificate: false,
    });
    const service = createXdsService({
      identifier: 'fed-worker',
      clock: systemClock,
      snapshots,
      observe: () => undefined,
      authenticate: () => Promise.resolve({ kind: 'client', key }),
    });
    ads.addDefinition(service.definition, service.implementation);
    await ads.bind();
    const keeper = await KnowledgeKeeper.open(join(folder, 'worker-state'), systemPorts.entropy, () => undefined);
    const worker = new AuthzWorker({
      listen: `unix:${join(folder, 'worker.sock')}`,
      clientCaPem: trust.rootPem,
      keeper,
      tokens,
      keys: { keep: () => undefined, stop: () => undefined },
      observer,
      clock: { ...checkClock, ...systemClock },
      ads: {
        node: { id: workerKey, cluster: 'coffre-system' },
        random: Math.random,
        connect: async () => ({
          client: createGrpcClient({ address, serverName: authzServerName, serverCaPem: trust.rootPem }),
          metadata: new Map(),
        }),
      },
      report: {
        serving: () => progress.note('serving'),
        xds: (event) => event.kind === 'taken' && progress.note(event.typeUrl),
        memoryRefused: () => undefined,
        failed: (what, cause) => progress.fail(new Error(`the worker could not ${what}`, { cause })),
      },
    });
    const fed = new FedWorker(trust, snapshots, ads, worker, observer, progress);
    const serving = progress.next('serving');
    const taught = fed.teach(mesh);
    snapshots.setReady();
    await Promise.all([worker.start(), serving, taught]);
    return fed;
  }

  /** Resolves once the worker judges by it. @param mesh another than the last. */
  async teach(mesh: Snapshot): Promise<void> {
    const resources = configure(mesh, this.#trust, platform, 0).proxies.get(workerKey);
    if (resources === undefined) throw new Error('the worker was not configured');
    const taken = this.#progress.next(programTypeUrl);
    this.#snapshots.set(key, resources);
    await taken;
  }

  async stop(): Promise<void> {
    await this.#worker.stop(0);
    await this.#ads.close(0);
  }
}

/** What the worker reports, for whoever waits for it. */
class Progress {
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  next(what: string): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(what, waiting);
    return waiting.promise;
  }

  note(what: string): void {
    this.#waiting.get(what)?.resolve();
  }

  fail(cause: Error): void {
    for (const { reject } of this.#waiting.values()) reject(cause);
  }
}

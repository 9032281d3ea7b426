/**
 * A control plane that tells an authorization worker its programs and nothing else, over the real xDS server.
 *
 *   publish(programs) ──▶ SnapshotCache ──ADS over TLS──▶ worker ──ACK──▶ counted
 */
import { toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { workerKey } from '../src/controller/configure.ts';
import { createGrpcServer, type GrpcServer } from '../src/grpc/grpc-server.ts';
import type { Leaf } from '../src/identity/leaf.ts';
import { programTypeUrl } from '../src/policy/program.ts';
import { drillClock } from '../src/system-clock.ts';
import { type Knowledge, secretTypeUrl, workerIdentitySecret } from '../src/verdict/knowledge.ts';
import { SnapshotCache } from '../src/xds/cache.ts';
import { contentVersion, type Listing, type Resource } from '../src/xds/resource.ts';
import { createXdsService, type XdsService } from '../src/xds/server.io.ts';

export class ProgramFeed {
  readonly address: string;
  readonly #server: GrpcServer;
  readonly #service: XdsService;
  readonly #cache: SnapshotCache;
  readonly #identity: Listing;
  readonly #counts: { acked: number };

  private constructor(parts: {
    readonly address: string;
    readonly server: GrpcServer;
    readonly service: XdsService;
    readonly cache: SnapshotCache;
    readonly identity: Listing;
    readonly counts: { acked: number };
  }) {
    this.address = parts.address;
    this.#server = parts.server;
    this.#service = parts.service;
    this.#cache = parts.cache;
    this.#identity = parts.identity;
    this.#counts = parts.counts;
  }

  /** @param tls its own certificate. @param identity the worker's, as a secret. */
  static async serve(tls: Leaf, identity: Any): Promise<ProgramFeed> {
    const cache = new SnapshotCache();
    const counts = { acked: 0 };
    const service = createXdsService({
      ...{ identifier: 'bench', clock: drillClock, snapshots: cache },
      authenticate: async () => ({ kind: 'client', key: workerKey }),
      observe(event) {
        if (event.kind === 'nacked') throw new Error(`the worker refused what it was told: ${JSON.stringify(event)}`);
        if (event.kind === 'acked' && event.typeUrl === programTypeUrl) counts.acked += 1;
      },
    });
    const server = createGrpcServer({ address: '127.0.0.1:0', tls, requireClientCertificate: false });
    server.addDefinition(service.definition, service.implementation);
    const bound = await server.bind();
    if (bound.kind !== 'bound') throw new Error(bound.message);
    cache.setReady();
    const secret = resourceOf(secretTypeUrl, workerIdentitySecret, identity);
    return new ProgramFeed({
      ...{ address: bound.address, server, service, cache, counts },
      identity: new Map([[workerIdentitySecret, secret]]),
    });
  }

  /** Responses about programs that the worker has taken. */
  get acked(): number {
    return this.#counts.acked;
  }

  publish({ held, revision }: Knowledge['programs']): void {
    const programs = new Map([...held].map(([name, { any }]) => [name, resourceOf(programTypeUrl, name, any)]));
    const types = new Map([
      [programTypeUrl, programs],
      [secretTypeUrl, this.#identity],
    ]);
    this.#cache.set(workerKey, { revision, types });
  }

  async stop(): Promise<void> {
    this.#service.close();
    await this.#server.close(0);
  }
}

function resourceOf(typeUrl: string, name: string, message: Any): Resource {
  const any = toBinary(AnySchema, message);
  return { typeUrl, name, any, version: contentVersion(any) };
}

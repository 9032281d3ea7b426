/**
 * A protocol client that subscribes as Envoy does over delta ADS: the runtime layer, then all clusters and listeners,
 * then whatever those refer to, and acknowledges everything but what it is told to refuse.
 *
 * `moved()` is what arrived since it was last asked: `route in/8080`, `-cluster x` for what was taken away, `no route y`
 * for what was refused.
 */
import { create, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { StatusObject } from '@grpc/grpc-js';
import { expect } from 'vitest';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { StatusSchema } from '#gen/google/rpc/status_pb.js';
import { tokenHeader } from '../../src/grpc/peer.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { at, fieldsNamed } from '../envoy/json.ts';
import { decode, type TypeName, typeNames } from '../fixtures/configured.ts';
import { GrpcStream } from '../xds/grpc-stream.ts';
import { type ControlPlane, tokenOf } from './control-plane.ts';

interface Held {
  readonly version: string;
  readonly value: JsonValue;
}

/** What it asks for before it is told of anything. */
const first: Partial<Record<TypeName, string[]>> & { runtime: string[] } = {
  runtime: ['drill'],
  cluster: ['*'],
  listener: ['*'],
};

export class Sidecar {
  readonly #stream: GrpcStream<typeof DeltaDiscoveryRequestSchema, typeof DeltaDiscoveryResponseSchema>;
  readonly #held = new Map<TypeName, Map<string, Held>>();
  readonly #wanted = new Map<TypeName, ReadonlySet<string>>();
  readonly #moves: string[] = [];
  /** What it says to a resource that it refuses; a response with one of those is refused whole, and nothing of it held. */
  refuses: (type: TypeName, value: JsonValue) => string | undefined = () => undefined;
  /** How the stream ended; pending while it is open. */
  readonly ended: Promise<StatusObject>;

  /** @param former whose memory this one has, on a stream of its own. */
  private constructor(address: string, workload: string, token: string, former?: Sidecar) {
    const method = 'DeltaAggregatedResources';
    const headers = { [tokenHeader]: token };
    this.#stream = new GrpcStream(address, method, DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema, headers);
    this.ended = this.#stream.status;
    for (const type of typeNames) {
      this.#held.set(type, new Map(former === undefined ? [] : former.#of(type)));
      this.#wanted.set(type, new Set(former === undefined ? first[type] : former.#wanted.get(type)));
    }
    const [cluster = ''] = workload.split('/');
    this.#ask('runtime', { id: workload, cluster });
    for (const type of typeNames) if (type !== 'runtime') this.#ask(type);
  }

  /** @returns once it has its first whole configuration. */
  static async connect(plane: ControlPlane, workload: string, serviceAccount: string): Promise<Sidecar> {
    const sidecar = new Sidecar(plane.address, workload, tokenOf(workload, serviceAccount));
    void sidecar.#listen();
    await expect.poll(() => sidecar.names('listener'), { interval: 5 }).not.toEqual([]);
    await plane.quiet();
    return sidecar;
  }

  /** Its stream ends, and it goes on at another control plane with what it holds. @returns once that has nothing more to say. */
  async moveTo(plane: ControlPlane, workload: string, serviceAccount: string): Promise<Sidecar> {
    this.close();
    const sidecar = new Sidecar(plane.address, workload, tokenOf(workload, serviceAccount), this);
    void sidecar.#listen();
    // What is asked for again comes again, behind all that was asked for before.
    sidecar.#send('runtime', { resourceNamesSubscribe: first.runtime });
    await expect.poll(() => sidecar.#moves, { interval: 5 }).toContain('runtime drill');
    await plane.quiet();
    return sidecar;
  }

  /** @returns the status with which the server turns it away. */
  static refusal(plane: ControlPlane, workload: string, token: string): Promise<StatusObject> {
    return new Sidecar(plane.address, workload, token).ended;
  }

  names(type: TypeName): readonly string[] {
    return [...this.#of(type).keys()].sort();
  }

  held(type: TypeName, name: string): JsonValue {
    const held = this.#of(type).get(name);
    if (held === undefined) throw new Error(`no ${type} \`${name}\` is held; there are ${this.names(type).join(', ')}`);
    return held.value;
  }

  moved(): readonly string[] {
    return this.#moves.splice(0).sort();
  }

  close(): void {
    this.#stream.close();
  }

  async #listen(): Promise<void> {
    for (;;) {
      const response = await this.#stream.next().catch(() => undefined);
      if (response === undefined) return;
      this.#take(response);
    }
  }

  #take({ typeUrl, nonce, resources, removedResources }: DeltaDiscoveryResponse): void {
    const type = typeNames.find((name) => typeUrls[name] === typeUrl);
    if (type === undefined) throw new Error(`nobody asked for ${typeUrl}`);
    const values = resources.flatMap(({ name, version, resource }) => {
      if (resource === undefined) return [];
      return [{ name, version, value: decode({ typeUrl, name, version, any: toBinary(AnySchema, resource) }) }];
    });
    const [message] = values.flatMap(({ value }) => this.refuses(type, value) ?? []);
    if (message !== undefined) {
      this.#moves.push(...values.map(({ name }) => `no ${type} ${name}`));
      this.#send(type, { responseNonce: nonce, errorDetail: create(StatusSchema, { code: 3, message }) });
      return;
    }
    for (const { name, version, value } of values) {
      this.#of(type).set(name, { version, value });
      this.#moves.push(`${type} ${name}`);
    }
    for (const name of removedResources) {
      this.#of(type).delete(name);
      this.#moves.push(`-${type} ${name}`);
    }
    // What is referred to is asked for before the ACK, as Envoy does it.
    if (type === 'cluster' || type === 'listener') this.#follow();
    this.#send(type, { responseNonce: nonce });
  }

  #follow(): void {
    const [listeners, clusters] = (['listener', 'cluster'] as const).map((type) =>
      [...this.#of(type).values()].map(({ value }) => value),
    );
    if (listeners === undefined || clusters === undefined) return;
    const secrets = [...listeners, ...clusters].flatMap((value) => [
      ...fieldsNamed(value, 'tls_certificate_sds_secret_configs'),
      ...fieldsNamed(value, 'validation_context_sds_secret_config'),
    ]);
    this.#subscribe(
      'endpoints',
      clusters.filter((value) => at(value, 'type')[0] === 'EDS').flatMap((value) => at(value, 'name')),
    );
    this.#subscribe(
      'route',
      listeners.flatMap((value) => fieldsNamed(value, 'route_config_name')),
    );
    this.#subscribe('secret', at(secrets, 'name'));
  }

  #subscribe(type: TypeName, names: readonly JsonValue[]): void {
    const before = this.#wanted.get(type) ?? new Set();
    const now = new Set(names.map(String));
    const resourceNamesSubscribe = [...now].filter((name) => !before.has(name));
    const resourceNamesUnsubscribe = [...before].filter((name) => !now.has(name));
    for (const name of resourceNamesUnsubscribe) this.#of(type).delete(name);
    this.#wanted.set(type, now);
    if (resourceNamesSubscribe.length + resourceNamesUnsubscribe.length === 0) return;
    this.#send(type, { resourceNamesSubscribe, resourceNamesUnsubscribe });
  }

  #send(type: TypeName, fields: Partial<Omit<DeltaDiscoveryRequest, '$typeName' | '$unknown' | 'node'>>): void {
    this.#stream.send({ typeUrl: typeUrls[type], ...fields });
  }

  /** The first request of a type on this stream; of a type that nothing refers to yet there is none. */
  #ask(type: TypeName, node?: { readonly id: string; readonly cluster: string }): void {
    const resourceNamesSubscribe = [...(this.#wanted.get(type) ?? [])];
    if (resourceNamesSubscribe.length === 0) return;
    const initialResourceVersions = Object.fromEntries(
      [...this.#of(type)].map(([name, { version }]) => [name, version]),
    );
    const request = { typeUrl: typeUrls[type], resourceNamesSubscribe, initialResourceVersions };
    this.#stream.send(node === undefined ? request : { ...request, node });
  }

  #of(type: TypeName): Map<string, Held> {
    const held = this.#held.get(type);
    if (held === undefined) throw new Error(`no such type: ${type}`);
    return held;
  }
}

/** `Session` in state of the world: each request carries all names, and the nonce and version of its type. */
import { fromBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { type Door, openSotw } from './ads-stream.ts';
import { contentOf, type TypeName, typeNameOf, typeUrlOf } from './contents.ts';
import { millisOf } from './millis.ts';
import type { Pace } from './pace.ts';
import {
  type Answer,
  type Arrived,
  answerOf,
  type Claims,
  type Known,
  Mouth,
  rejected,
  type Session,
} from './session.ts';

interface Asked {
  names: readonly string[];
  nonce: string;
  version: string;
}

interface Fields {
  readonly node?: Claims;
  readonly versionInfo?: string;
  readonly responseNonce?: string;
  readonly errorDetail?: { readonly code: number; readonly message: string };
}

const wrapperUrl = `type.googleapis.com/${ResourceSchema.typeName}`;

export class SotwSession implements Session {
  readonly #stream;
  readonly #mouth: Mouth;
  readonly #asked = new Map<string, Asked>();
  #claims: Claims | undefined;

  constructor(door: Door, claims: Claims, pace: Pace) {
    this.#stream = openSotw(door);
    this.#claims = claims;
    this.#mouth = new Mouth(pace);
  }

  status() {
    return this.#stream.status();
  }

  #of(type: string): Asked {
    const asked = this.#asked.get(type) ?? { names: [], nonce: '', version: '' };
    this.#asked.set(type, asked);
    return asked;
  }

  #request(type: TypeName, init: Fields): void {
    const { names, nonce, version } = this.#of(type);
    const node = this.#claims === undefined ? {} : { node: this.#claims };
    this.#claims = undefined;
    const request = {
      ...node,
      typeUrl: typeUrlOf(type),
      resourceNames: [...names],
      responseNonce: nonce,
      versionInfo: version,
      ...init,
    };
    this.#mouth.say(() => this.#stream.send(request));
  }

  subscribeSilently(type: TypeName, known: Known = {}): void {
    this.#request(type, { versionInfo: known.version ?? '', responseNonce: known.nonce ?? '' });
  }

  subscribe(type: TypeName, names: readonly string[], known: Known = {}): void {
    const asked = this.#of(type);
    asked.names = [...new Set([...asked.names, ...names])];
    asked.version = known.version ?? asked.version;
    asked.nonce = known.nonce ?? asked.nonce;
    this.#request(type, {});
  }

  unsubscribe(type: TypeName, names: readonly string[]): void {
    const asked = this.#of(type);
    asked.names = asked.names.filter((name) => !names.includes(name));
    this.#request(type, {});
  }

  async next(): Promise<Answer> {
    const { typeUrl, nonce, versionInfo, resources } = await this.#stream.next();
    const head = { type: typeNameOf(typeUrl), nonce, version: versionInfo, removed: [] };
    return answerOf(
      head,
      typeUrl,
      resources.map((any) => arrivedIn(any, versionInfo)),
    );
  }

  ack({ type, nonce, version }: Answer): void {
    Object.assign(this.#of(type), { nonce, version });
    this.#request(type as TypeName, {});
  }

  nack({ type, nonce }: Answer, message: string, alsoSubscribe: readonly string[] = []): void {
    const asked = this.#of(type);
    Object.assign(asked, { nonce, names: [...asked.names, ...alsoSubscribe] });
    this.#request(type as TypeName, { errorDetail: { code: rejected, message } });
  }

  subscribeWithNonce(type: TypeName, names: readonly string[], nonce: string): void {
    const asked = this.#of(type);
    asked.names = [...asked.names, ...names];
    this.#request(type, { responseNonce: nonce });
  }

  claim(type: TypeName, claims: Claims): void {
    this.#request(type, { node: claims });
  }

  said(): Promise<void> {
    return this.#mouth.said();
  }

  close(): void {
    this.#mouth.shut();
    this.#stream.close();
  }
}

/** A resource with a life comes wrapped, and a heartbeat is a wrapper around nothing. */
function arrivedIn(any: Any, version: string): Arrived {
  if (any.typeUrl !== wrapperUrl) return { name: contentOf(any)[0], version, any, ttlMs: undefined };
  const { name, ttl, resource } = fromBinary(ResourceSchema, any.value);
  return { name, version, any: resource, ttlMs: millisOf(ttl) };
}

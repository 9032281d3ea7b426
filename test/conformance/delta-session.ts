/** `Session` in delta: requests add and take away names, and the nonce only pairs an ACK or NACK with its response. */
import { type Door, openDelta } from './ads-stream.ts';
import { type TypeName, typeNameOf, typeUrlOf } from './contents.ts';
import { millisOf } from './millis.ts';
import type { Pace } from './pace.ts';
import { type Answer, answerOf, type Claims, type Known, Mouth, rejected, type Session } from './session.ts';

interface Fields {
  readonly node?: Claims;
  readonly resourceNamesSubscribe?: string[];
  readonly resourceNamesUnsubscribe?: string[];
  readonly initialResourceVersions?: Record<string, string>;
  readonly responseNonce?: string;
  readonly errorDetail?: { readonly code: number; readonly message: string };
}

export class DeltaSession implements Session {
  readonly #stream;
  readonly #mouth: Mouth;
  #claims: Claims | undefined;

  constructor(door: Door, claims: Claims, pace: Pace) {
    this.#stream = openDelta(door);
    this.#claims = claims;
    this.#mouth = new Mouth(pace);
  }

  status() {
    return this.#stream.status();
  }

  #request(type: string, init: Fields): void {
    const node = this.#claims === undefined ? {} : { node: this.#claims };
    this.#claims = undefined;
    const request = { ...node, typeUrl: typeUrlOf(type as TypeName), ...init };
    this.#mouth.say(() => this.#stream.send(request));
  }

  subscribeSilently(type: TypeName, known: Known = {}): void {
    this.#request(type, { initialResourceVersions: { ...known.versions }, responseNonce: known.nonce ?? '' });
  }

  subscribe(type: TypeName, names: readonly string[], known: Known = {}): void {
    this.#request(type, {
      resourceNamesSubscribe: [...names],
      initialResourceVersions: { ...known.versions },
      responseNonce: known.nonce ?? '',
    });
  }

  unsubscribe(type: TypeName, names: readonly string[]): void {
    this.#request(type, { resourceNamesUnsubscribe: [...names] });
  }

  async next(): Promise<Answer> {
    const { typeUrl, nonce, systemVersionInfo, resources, removedResources } = await this.#stream.next();
    const head = { type: typeNameOf(typeUrl), nonce, version: systemVersionInfo, removed: removedResources };
    return answerOf(
      head,
      typeUrl,
      resources.map(({ name, version, resource, ttl }) => ({ name, version, any: resource, ttlMs: millisOf(ttl) })),
    );
  }

  ack({ type, nonce }: Answer): void {
    this.#request(type, { responseNonce: nonce });
  }

  nack({ type, nonce }: Answer, message: string, alsoSubscribe: readonly string[] = []): void {
    const errorDetail = { code: rejected, message };
    this.#request(type, { responseNonce: nonce, errorDetail, resourceNamesSubscribe: [...alsoSubscribe] });
  }

  subscribeWithNonce(type: TypeName, names: readonly string[], nonce: string): void {
    this.#request(type, { resourceNamesSubscribe: [...names], responseNonce: nonce });
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

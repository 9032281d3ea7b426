/**
 * A protocol client that says the same things in SotW and in delta, so that one case runs over both.
 *
 *   say ──random delay──▶ server            what is said leaves in order, each message after a delay of its own
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import { contentOf, type TypeName } from './contents.ts';
import type { Pace } from './pace.ts';

export interface Answer {
  readonly type: string;
  readonly nonce: string;
  readonly version: string;
  /** Name to word. */
  readonly resources: Readonly<Record<string, string>>;
  /** Versions by name; in SotW that of the response. */
  readonly versions: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
  /** Lives in ms, by name, of the resources that have one. */
  readonly ttls: Readonly<Record<string, number>>;
  /** Resources that came without content: what is held goes on. */
  readonly heartbeats: readonly string[];
}

export interface Known {
  /** SotW: `version_info` of the type. */
  readonly version?: string;
  /** Delta: `initial_resource_versions` of the type. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly nonce?: string;
}

export interface Claims {
  readonly id: string;
  readonly cluster?: string;
  /** `client_features`. */
  readonly clientFeatures?: string[];
}

export interface Session {
  status(): Promise<{ readonly code: string; readonly details: string }>;
  /** First request of a type, without a name. */
  subscribeSilently(type: TypeName, known?: Known): void;
  /** Asks for these names besides those asked before. */
  subscribe(type: TypeName, names: readonly string[], known?: Known): void;
  unsubscribe(type: TypeName, names: readonly string[]): void;
  next(): Promise<Answer>;
  ack(answer: Answer): void;
  nack(answer: Answer, message: string, alsoSubscribe?: readonly string[]): void;
  /** A subscription change that carries this nonce. */
  subscribeWithNonce(type: TypeName, names: readonly string[], nonce: string): void;
  /** A request of the type that names another node. */
  claim(type: TypeName, claims: Claims): void;
  /** Everything said so far has left. */
  said(): Promise<void>;
  close(): void;
}

/** `google.rpc.Code.INVALID_ARGUMENT`. */
export const rejected = 3;

/** Lets messages leave one after the other, each after a delay. */
export class Mouth {
  readonly #pace: Pace;
  #tail: Promise<void> = Promise.resolve();
  #shut = false;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  say(send: () => void): void {
    this.#tail = this.#tail.then(() => this.#pace.delay()).then(() => (this.#shut ? undefined : send()));
  }

  /** What has not left yet never will. */
  shut(): void {
    this.#shut = true;
  }

  said(): Promise<void> {
    return this.#tail;
  }
}

/** One resource of a response of either protocol. */
export interface Arrived {
  readonly name: string;
  readonly version: string;
  readonly any: Any | undefined;
  readonly ttlMs: number | undefined;
}

/** @throws where a name occurs twice, or a resource is not what the response says it is. */
export function answerOf(
  head: Pick<Answer, 'type' | 'nonce' | 'version' | 'removed'>,
  typeUrl: string,
  arrived: readonly Arrived[],
): Answer {
  const names = arrived.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new Error(`a name occurs twice: ${names.join(', ')}`);
  const resources = arrived.flatMap(({ name, any }) => {
    if (any === undefined) return [];
    if (any.typeUrl !== typeUrl) throw new Error(`a resource of type \`${any.typeUrl}\` came in \`${typeUrl}\``);
    const [own, word] = contentOf(any);
    if (own !== name) throw new Error(`the resource \`${name}\` calls itself \`${own}\``);
    return [[name, word] as const];
  });
  return {
    ...head,
    resources: Object.fromEntries(resources),
    versions: Object.fromEntries(arrived.map(({ name, version }) => [name, version])),
    ttls: Object.fromEntries(arrived.flatMap(({ name, ttlMs }) => (ttlMs === undefined ? [] : [[name, ttlMs]]))),
    heartbeats: arrived.filter(({ any }) => any === undefined).map(({ name }) => name),
  };
}

/**
 * A protocol client that says the same things in SotW and in delta, so that one case runs over both.
 *
 * Silence is not waited for: `silence()` asks for one more runtime layer, which is answered at once whatever else goes
 * on, and fails if anything else arrives before that answer.
 */
import { expect } from 'vitest';
import type { Contents } from '../xds/resources.ts';

export type TypeName = keyof Contents;

export interface Answer {
  readonly type: string;
  readonly nonce: string;
  readonly version: string;
  /** Name to content. */
  readonly resources: Readonly<Record<string, string>>;
  /** Versions by name; in SotW that of the response. */
  readonly versions: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

export interface Known {
  /** SotW: `version_info` of the type. */
  readonly version?: string;
  /** Delta: `initial_resource_versions` of the type. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly nonce?: string;
}

export interface Session {
  readonly status: Promise<{ code: number; details: string }>;
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
  close(): void;
}

const probesUsed = new WeakMap<Session, number>();

export async function silence(session: Session): Promise<void> {
  const used = probesUsed.get(session) ?? 0;
  probesUsed.set(session, used + 1);
  session.subscribe('runtime', [`probe-${used}`]);
  const answer = await session.next();
  expect({ type: answer.type, resources: answer.resources }).toEqual({
    type: 'runtime',
    resources: { [`probe-${used}`]: 'here' },
  });
  session.ack(answer);
}

/** The next answer, which must be of this type, acknowledged. */
export async function accept(session: Session, type: TypeName): Promise<Answer> {
  const answer = await session.next();
  expect(answer.type).toBe(type);
  session.ack(answer);
  return answer;
}

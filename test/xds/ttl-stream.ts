/** One stream's reducer on a clock of its own, in either protocol, with a runtime layer that may have a TTL. */
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import type { Send } from '../../src/xds/order.ts';
import { type ResourceSnapshot, withTtl } from '../../src/xds/resource.ts';
import { type SotwRequest, sotw } from '../../src/xds/sotw.ts';
import { newStreamState, type StreamEvent, step } from '../../src/xds/stream.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { resource } from './resources.ts';

const { runtime: typeUrl } = typeUrls;
export const ttlMs = 10_000;
export const beatMs = 3_000;

/** A runtime layer `drill` of this content, with this TTL or none, beside others that have none. */
export function layers(drill: string, ttl?: number, others: Readonly<Record<string, string>> = {}): ResourceSnapshot {
  const plain = resource(typeUrl, 'drill', drill);
  const listing = new Map([['drill', ttl === undefined ? plain : withTtl(plain, ttl)]]);
  for (const [name, content] of Object.entries(others)) listing.set(name, resource(typeUrl, name, content));
  return { revision: 'r', types: new Map([[typeUrl, listing]]) };
}

/** One stream that asked for `drill`, and `other` if it exists, at time 0. */
export class TtlStream {
  readonly kind: 'sotw' | 'delta';
  private state;
  private nowMs = 0;
  private version = '';
  heartbeatAtMs: number | undefined;
  notes: string[] = [];
  /** Names that the host was told to have lapsed, in order. */
  readonly lapsed: string[] = [];

  constructor(kind: 'sotw' | 'delta', snapshot: ResourceSnapshot, takesTtl = true) {
    this.kind = kind;
    this.state = newStreamState(snapshot, takesTtl);
  }

  at(nowMs: number): this {
    this.nowMs = nowMs;
    return this;
  }

  ask(fields: Partial<SotwRequest & DeltaRequest> = {}): readonly Send[] {
    const { nonce = '', error, initialVersions = new Map(), names = ['drill', 'other'] } = fields;
    const common = { typeUrl, nonce, error, namesCount: 0 };
    return this.kind === 'sotw'
      ? this.happen({ kind: 'request', request: { ...common, names, version: this.version } })
      : this.happen({
          kind: 'request',
          request: { ...common, subscribe: nonce === '' ? names : [], unsubscribe: [], initialVersions },
        });
  }

  ack({ nonce, version }: Send): readonly Send[] {
    this.version = version;
    return this.ask({ nonce });
  }

  nack({ nonce }: Send): readonly Send[] {
    return this.ask({ nonce, error: { code: 3, message: 'unknown resource' } });
  }

  replace(snapshot: ResourceSnapshot): readonly Send[] {
    return this.happen({ kind: 'snapshot', snapshot });
  }

  beat(): readonly Send[] {
    return this.happen({ kind: 'heartbeat-due' });
  }

  private happen(
    event: StreamEvent<SotwRequest & DeltaRequest> | StreamEvent<DeltaRequest> | StreamEvent<SotwRequest>,
  ) {
    const result =
      this.kind === 'sotw'
        ? step(sotw, this.state, event as StreamEvent<SotwRequest>, this.nowMs)
        : step(delta, this.state, event as StreamEvent<DeltaRequest>, this.nowMs);
    if (result.kind !== 'step') throw new Error(result.kind);
    this.state = result.state;
    this.heartbeatAtMs = result.heartbeatAtMs;
    this.notes.push(result.note.kind);
    if (result.note.kind === 'lapsed') this.lapsed.push(...result.note.names);
    for (const { names } of result.lapsed) this.lapsed.push(...names);
    return result.sends;
  }
}

/** Opens a stream whose client holds `drill` and says so. */
export function holding(kind: 'sotw' | 'delta', snapshot: ResourceSnapshot): TtlStream {
  const stream = new TtlStream(kind, snapshot);
  for (const send of stream.ask()) stream.ack(send);
  return stream;
}

export const told = (sends: readonly Send[]) =>
  sends.map(({ form, resources }) => [form, ...resources.map(({ name, ttlMs: ms }) => `${name} ${ms}`)].join(' '));

export function only(sends: readonly Send[]): Send {
  const [send] = sends;
  if (send === undefined || sends.length > 1) throw new Error(`one send was expected, not ${sends.length}`);
  return send;
}

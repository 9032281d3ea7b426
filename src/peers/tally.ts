/** How many proxies of one replica an object concerns, and how many of them have acknowledged it: counted where they are, added up where it is said. */
import { create } from '@bufbuild/protobuf';
import { type Tally as TallyMessage, TallySchema } from '#gen/coffre/peers/v1/peers_pb.js';

export interface Tally {
  /** `kind/namespace/name`. */
  readonly id: string;
  /** Of the object's content. */
  readonly hash: string;
  readonly sidecars: Count;
  readonly workers: Count;
}

interface Count {
  readonly acknowledged: number;
  readonly concerned: number;
}

export function tallyMessage({ id, hash, sidecars, workers }: Tally): TallyMessage {
  return create(TallySchema, { id, hash, sidecars, workers });
}

export function tallyOf({ id, hash, sidecars, workers }: TallyMessage): Tally {
  return { id, hash, sidecars: countOf(sidecars), workers: countOf(workers) };
}

export function isSameTally(one: Tally | undefined, other: Tally): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}

function countOf(count: TallyMessage['sidecars']): Count {
  return { acknowledged: count?.acknowledged ?? 0, concerned: count?.concerned ?? 0 };
}

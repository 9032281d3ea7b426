/** Follows the Secrets that hold the state, and tells which of them is another than before. */
import { StateError } from '../../identity/state-error.ts';
import type { Problem } from '../../model/problem.ts';
import { Follower } from '../inform/follower.ts';
import { type HeldObject, ObjectStore, readHeld } from '../inform/object-store.ts';
import { informTimings } from '../inform/timings.ts';
import type { KubeClient } from '../kube-client.ts';
import { contentOf, recordPlace } from './state-secret.ts';

/** Longest wait for the first list, in ms. */
const listedMaxMs = 60_000;

/** A Secret, and its content as it came, sealed. */
interface Followed {
  readonly name: string;
  readonly content: string;
}

export interface RecordFollower {
  /** A record by its name, with its content as it is now; nothing where it is gone. */
  changed(name: string, content: string | undefined): void;
  /** They cannot be read: why, and what to do. Told once for as long as it is so, and tried again meanwhile. */
  troubled(problem: Problem): void;
  /** Ends the wait for the first list. */
  readonly signal: AbortSignal;
}

/** @throws StateError where they could not be listed for too long, or nobody waits for it: whoever started us starts us again. */
export async function followRecords(
  client: Pick<KubeClient, 'get'>,
  { changed, troubled, signal }: RecordFollower,
): Promise<{ names(): readonly string[]; close(): void }> {
  const store = new ObjectStore<Followed>();
  const { promise: listed, resolve: isListed } = Promise.withResolvers<void>();
  let trouble: string | undefined;
  let told: ReadonlyMap<string, string> | undefined;
  const options = { timings: informTimings, nowMs: () => performance.now(), random: Math.random };
  const follower = new Follower<HeldObject<Followed>>(
    { place: recordPlace, read: readHeld(followedOf) },
    store,
    client,
    options,
    () => {
      const [problem] = follower.problems();
      if (problem !== undefined && problem.message !== trouble) troubled(problem);
      trouble = problem?.message;
      if (!follower.isSynced()) return;
      const now = new Map(store.objects().map(({ name, content }) => [name, content]));
      const before = told;
      told = now;
      isListed();
      if (before === undefined) return;
      for (const name of new Set([...before.keys(), ...now.keys()])) {
        if (before.get(name) !== now.get(name)) changed(name, now.get(name));
      }
    },
  );
  const deadline = setTimeout(isListed, listedMaxMs);
  signal.addEventListener('abort', () => isListed(), { once: true });
  if (!signal.aborted) await listed;
  clearTimeout(deadline);
  if (told === undefined) {
    const [problem] = follower.problems();
    follower.close();
    const why = problem === undefined ? 'were not read: the start was ended' : `${problem.message}; ${problem.advice}`;
    throw new StateError('unreadable', `secrets of namespace ${recordPlace.namespace}`, why);
  }
  return { names: () => [...(told?.keys() ?? [])], close: () => follower.close() };
}

function followedOf(raw: Record<string, unknown>): Followed {
  const { metadata } = raw as { readonly metadata: { readonly name: string } };
  return { name: metadata.name, content: contentOf(raw, 'sealed')?.toString('base64') ?? '' };
}

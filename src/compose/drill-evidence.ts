/**
 * What a report of a drill is told from the evidence store, and what it is signed with.
 *
 *   store ──query, newest first, page by page──▶ happeningOf ──▶ Happenings, oldest first
 *
 * Part of the composition root. What callers do is read apart from the rest: a flood of refusals must not push a
 * publication out of the report. What there is no room for is said, by `isCut`.
 */
import type { ReportEvidence, WantedHappenings } from '../chaos/ports.ts';
import type { Happening, Happenings } from '../chaos/report/happening.ts';
import { type EventKind, eventKinds } from '../evidence/event.ts';
import type { PersonSeal } from '../evidence/people/person-seal.ts';
import { type EventQuery, type EvidenceStore, eventsPerAnswerMax, type StoredEvent } from '../evidence/store.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { happeningOf } from './happening-of.ts';

/** Pages that are read of each tenant: of what callers do, and of the rest. */
const pagesMax = { calls: 20, others: 5 };

const callKinds: readonly EventKind[] = ['denial', 'breaker-overflow', 'request'];
const otherKinds = eventKinds.filter((kind) => kind !== 'drill' && !callKinds.includes(kind));

/** @param sign with the key that signs the store's heads: Ed25519, base64. */
export function drillEvidence(
  store: Pick<EvidenceStore, 'query' | 'head'>,
  seal: PersonSeal,
  sign: (bytes: Uint8Array) => string,
): ReportEvidence {
  return {
    happenings: (wanted) => happenings(store, seal, wanted),
    head() {
      const head = store.head();
      return head === undefined ? undefined : `${head.replica}:${head.position}:${head.hash}`;
    },
    sign,
  };
}

async function happenings(
  store: Pick<EvidenceStore, 'query'>,
  seal: PersonSeal,
  wanted: WantedHappenings,
): Promise<Happenings> {
  const { fromMs: sinceMs, untilMs, tenants, ofMesh } = wanted;
  const each: Happening[] = [];
  let isCut = false;
  const personOf = (tenant: string, token: string) => seal.reveal(tenant, token);
  for (const tenant of ofMesh ? [...tenants, systemNamespace] : tenants) {
    for (const [kinds, pages] of [
      [callKinds, pagesMax.calls],
      [otherKinds, pagesMax.others],
    ] as const) {
      const read = await pagesOf(store, { kinds, tenant, sinceMs, untilMs, limit: eventsPerAnswerMax }, pages);
      isCut ||= read.isCut;
      each.push(...read.events.flatMap(({ event }) => happeningOf(event, wanted, personOf) ?? []));
    }
  }
  return { each: each.sort((left, right) => left.atMs - right.atMs), isCut };
}

/** A page ends where the next begins, so each of its last moment is asked for again and known by its place. */
async function pagesOf(
  store: Pick<EvidenceStore, 'query'>,
  query: EventQuery & { readonly untilMs: number },
  pages: number,
): Promise<{ readonly events: readonly StoredEvent[]; readonly isCut: boolean }> {
  const events = new Map<string, StoredEvent>();
  let { untilMs } = query;
  let isCut = false;
  for (let page = 0; page < pages; page += 1) {
    const answer = await store.query({ ...query, untilMs });
    if (answer.kind === 'failed') return { events: [...events.values()], isCut: true };
    for (const stored of answer.events) events.set(`${stored.replica} ${stored.position}`, stored);
    isCut ||= answer.silent.length > 0;
    if (!answer.more) return { events: [...events.values()], isCut };
    const oldestMs = Math.min(...answer.events.map(({ event }) => event.atMs));
    // More in one moment than one page holds: what is left of it is passed over.
    if (oldestMs + 1 >= untilMs) isCut = true;
    untilMs = oldestMs + 1 >= untilMs ? oldestMs : oldestMs + 1;
  }
  return { events: [...events.values()], isCut: true };
}

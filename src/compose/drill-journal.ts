/**
 * The journal of drills, on the chain of evidence.
 *
 *   DrillRunner ──append, with names──▶ sealed ──appendDrill──▶ store        on disk when it returns, or not done
 *               ◀─────── records, with names ◀── revealed ◀── store
 *
 * Part of the composition root: the room of drills knows no evidence, and the store knows no drill. Names of people are
 * kept as tokens under the key of the drill's tenant: once that key is destroyed a pseudonym is read in their place, and
 * the chain is as it was.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ownerName } from '../admin/person.ts';
import type { Journal, JournalRecord } from '../chaos/journal.ts';
import { renamePeople } from '../chaos/people-in-body.ts';
import type { PersonSeal } from '../evidence/people/person-seal.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import { systemNamespace } from '../model/system-namespace.ts';

type Chain = Pick<EvidenceStore, 'appendDrill' | 'drillRecords' | 'blocked' | 'probe'>;

/** Where drills were written before there was a chain, in the state folder. */
const formerFile = join('drills', 'drills.db');

/**
 * What a stream could not take, as it was given and as it would have been kept. Tried again it must be the same text: the
 * store may have kept it and not known, and a name is sealed otherwise each time. One for each stream of a drill.
 */
interface Refused {
  readonly body: string;
  readonly text: string;
}

/** Closing it leaves the store open: others write there too. */
export function chainJournal(store: Chain, seal: PersonSeal, stateFolder: string): Journal {
  let closed: string | undefined;
  const refused = new Map<string, Refused>();
  const formerPath = join(stateFolder, formerFile);
  return {
    findings: existsSync(formerPath)
      ? [`${formerPath} is no longer read: drills are kept with the evidence; move it away, with what lies beside it`]
      : [],
    blocked: () => closed ?? store.blocked(),
    probe: () => closed ?? store.probe(),
    records: () =>
      store.drillRecords().map((record): JournalRecord => {
        const { position, stream, sequence, epoch, body } = record;
        const reveal = (token: string) => seal.reveal(tenantOf(stream), token);
        // Of a body that was taken away for its age the place in the stream is left, behind which the next one goes.
        return { position, stream, sequence, epoch, body: body === '' ? '{}' : renamePeople(body, reveal) };
      }),
    append(stream, after, body) {
      if (closed !== undefined) return { kind: 'failed', message: closed };
      const tenant = tenantOf(stream);
      try {
        const last = refused.get(stream);
        const text = last?.body === body ? last.text : sealed(body, seal, tenant);
        const answer = store.appendDrill(stream, after, text, { atMs: momentOf(body), tenant });
        if (answer.kind === 'failed') refused.set(stream, { body, text });
        else refused.delete(stream);
        return answer;
      } catch (error) {
        // A tenant's first key is written to the disk, which may refuse it.
        return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
      }
    },
    close() {
      closed = 'the journal is closed';
    },
  };
}

/** Whoever holds the state folder is no person whom one could forget. */
function sealed(body: string, seal: PersonSeal, tenant: string): string {
  return renamePeople(body, (name) => (name === ownerName ? name : seal.seal(tenant, name)));
}

/** A drill's stream is its key; any other is of the mesh. */
function tenantOf(stream: string): string {
  const slash = stream.indexOf('/');
  return slash === -1 ? systemNamespace : stream.slice(0, slash);
}

/** Epoch ms, as every body says it. */
function momentOf(body: string): number {
  return JSON.parse(body).atMs;
}

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
import { ownerName } from './admin/person.ts';
import type { Journal, JournalRecord } from './chaos/journal.ts';
import { renamePeople } from './chaos/people-in-body.ts';
import type { PersonSeal } from './evidence/person-seal.ts';
import type { EvidenceStore } from './evidence/store.ts';
import { systemNamespace } from './model/system-namespace.ts';

type Chain = Pick<EvidenceStore, 'appendDrill' | 'drillRecords' | 'blocked' | 'probe'>;

/** Where drills were written before there was a chain, in the state folder. */
const formerFile = join('drills', 'drills.db');

/** Closing it leaves the store open: others write there too. */
export function chainJournal(store: Chain, seal: PersonSeal, stateFolder: string): Journal {
  let closed: string | undefined;
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
        return {
          position,
          stream,
          sequence,
          epoch,
          body: renamePeople(body, (token) => seal.reveal(tenantOf(stream), token)),
        };
      }),
    append(stream, after, body) {
      if (closed !== undefined) return { kind: 'failed', message: closed };
      const tenant = tenantOf(stream);
      try {
        return store.appendDrill(stream, after, sealed(body, seal, tenant), { atMs: momentOf(body), tenant });
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

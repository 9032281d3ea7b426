/**
 * The evidence of one control plane, joined to those who tell it and those who are told.
 *
 *   adapters ──▶ Recorder ──▶ store (chain, signed heads) ──▶ queries · sinks · reports
 *                   └──▶ detectors, which tell in turn
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { type KeyObject, randomUUID, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { EvidenceDesk } from '../admin/evidence.ts';
import type { ReportEvidence } from '../chaos/ports.ts';
import { ChainWitness } from '../evidence/chain-witness.io.ts';
import type { EvidenceEvent } from '../evidence/event.ts';
import { erasePersons } from '../evidence/people/erase-persons.ts';
import { openHeadKey, openPersonWrapKey } from '../evidence/people/evidence-keys.io.ts';
import { PersonKeyFolder } from '../evidence/people/person-keys.io.ts';
import { type PersonSeal, personSeal } from '../evidence/people/person-seal.ts';
import { openPostgresStore } from '../evidence/postgres/postgres-store.io.ts';
import { KeptSignal } from '../evidence/recorder/kept-signal.ts';
import { Recorder } from '../evidence/recorder/recorder.ts';
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import { openSqliteStore } from '../evidence/sqlite/sqlite-store.io.ts';
import type { EvidenceStore } from '../evidence/store.ts';
import { makePrivateFolder } from '../identity/atomic-file.io.ts';
import type { SharedRecords } from '../identity/shared-records.ts';
import { StateFolder } from '../identity/state-folder.io.ts';
import { systemPorts } from '../identity/system-ports.io.ts';
import { type Pace, PacedLook } from '../kube/paced-look.ts';
import { defaultEvidenceRules, type EvidenceRules } from '../model/evidence-rules.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { type OpenSinks, openSinks } from '../siem/open-sinks.io.ts';
import type { SinkEvent } from '../siem/ports.ts';
import { drillClock, systemClock } from '../system-clock.ts';
import { Watch } from '../watch/watch.ts';
import { drillEvidence } from './drill-evidence.ts';

/** In the state folder. */
const storeFolder = 'evidence';
const peopleFolder = join(storeFolder, 'people');
const sinksFolder = 'sinks';

/** How often bodies are looked for that are older than their class is kept, in ms. */
const pruneMs = 3_600_000;
/** The first time waits, too: a start has other things to do. */
const prunePace: Pace = { settleMs: 60_000, gapMs: pruneMs, lastMs: pruneMs };

export interface EvidenceHost {
  readonly stateFolder: string;
  readonly stateKeyFile: string | undefined;
  /** What outlives the state folder, if anything does: there it is witnessed how far the chain was. */
  readonly outliving: SharedRecords | undefined;
  /** Name of this replica's chain. */
  readonly replica: string;
  /** Holds the connection string of a shared store; undefined: a file in the state folder. */
  readonly evidencePostgres: string | undefined;
  /** As the mesh says now. */
  rules(): EvidenceRules | undefined;
  /** Told of each event as it is taken, and of the store's own and those of drills as they are kept. Must not throw. */
  recorded(event: Pick<EvidenceEvent, 'kind'>): void;
  readonly log: Logger;
}

export interface Evidence {
  readonly store: EvidenceStore;
  readonly seal: PersonSeal;
  readonly recorder: Recorder;
  readonly teller: Teller;
  readonly sinks: OpenSinks;
  readonly desk: EvidenceDesk;
  /** For reports of drills. */
  readonly reports: ReportEvidence;
  /** The mesh was read again. */
  lookAgain(): void;
  close(): Promise<void>;
}

/** @throws StateError where the state folder is damaged. A store that cannot be used is opened all the same, and says so. */
export async function openEvidence(host: EvidenceHost): Promise<Evidence> {
  const { stateFolder, stateKeyFile, outliving, replica, rules, log } = host;
  const own = await StateFolder.open(stateFolder, stateKeyFile, systemPorts.entropy);
  // The keys of a chain lie where it lies: with it they are lost, and whoever finds another key knows that it was.
  const records = host.evidencePostgres === undefined ? own : (outliving ?? own);
  const headKey = await openHeadKey(records, replica);
  const keys = new PersonKeyFolder(join(stateFolder, peopleFolder), await openPersonWrapKey(records));
  const seal = personSeal({ keys, entropy: systemPorts.entropy });
  const kept = new KeptSignal(systemClock);
  const store = toldOf(await openStore(host, headKey), host, () => {
    kept.tell();
    sinks.wake();
  });
  for (const finding of store.findings) log.warn({ finding }, 'evidence');
  const watch = new Watch();
  const recorder: Recorder = new Recorder({
    ...{ store, clock: systemClock, newId: randomUUID },
    line: (text) => process.stderr.write(`${text}\n`),
    alarm(why) {
      if (why === undefined) log.info('evidence is kept again');
      else log.error({ why }, 'evidence cannot be kept; refusals go to standard error, and no drill begins');
    },
    observe(event) {
      host.recorded(event);
      for (const found of watch.see(event)) recorder.record(found);
    },
  });
  const teller: Teller = { clock: systemClock, newId: randomUUID, record: (event) => recorder.record(event) };
  const sinks = openSinks((rules() ?? defaultEvidenceRules).sinks, {
    ...{ store, clock: systemClock, random: Math.random },
    folder: await madePrivate(join(stateFolder, sinksFolder)),
    observe: (event) => heardOfSink(event, teller, log),
  });
  const failed = (cause: unknown) => log.warn({ err: cause }, 'how far the chain is could not be witnessed');
  const witness = outliving && new ChainWitness({ records: outliving, store, teller, tenant: systemNamespace, failed });
  const pruning = new PacedLook(drillClock, prunePace, prune);
  pruning.soon();

  async function prune(): Promise<void> {
    const answer = await store.prune((rules() ?? defaultEvidenceRules).retention, systemClock.nowMs());
    if (answer.kind === 'failed') log.warn({ why: answer.message }, 'evidence that is too old could not be taken away');
  }

  return {
    ...{ store, seal, recorder, teller, sinks },
    desk: {
      store,
      reveal: (tenant, token) => seal.reveal(tenant, token),
      kept,
      async forget(tenant) {
        const answer = await erasePersons(tenant, { keys, store, clock: systemClock, newId: randomUUID });
        if (answer.kind === 'kept') return { kind: 'forgotten' };
        return answer.kind === 'no-key' ? { kind: 'unknown' } : { kind: 'failed', message: answer.message };
      },
    },
    reports: drillEvidence(store, seal, (bytes) => signed(headKey, bytes)),
    lookAgain: () => void sinks.apply((rules() ?? defaultEvidenceRules).sinks),
    async close() {
      await pruning.close();
      kept.end();
      await recorder.close();
      await witness?.close();
      await sinks.close();
      await store.close();
    },
  };
}

async function openStore(host: EvidenceHost, signingKey: KeyObject): Promise<EvidenceStore> {
  const { stateFolder, replica, evidencePostgres, log } = host;
  const common = {
    ...{ replica, signingKey, clock: systemClock },
    onChecked(findings: readonly string[], records: number) {
      for (const finding of findings) log.error({ finding }, 'the chain of evidence is damaged');
      if (findings.length === 0) log.info({ records }, 'the chain of evidence is whole');
    },
  };
  if (evidencePostgres === undefined) return openSqliteStore({ ...common, folder: join(stateFolder, storeFolder) });
  return openPostgresStore({ ...common, connectionString: (await readFile(evidencePostgres, 'utf8')).trim() });
}

/** The same store, that says when something was kept, and what of it no recorder saw. */
function toldOf(store: EvidenceStore, { recorded }: Pick<EvidenceHost, 'recorded'>, kept: () => void): EvidenceStore {
  if (store.blocked() === undefined) recorded({ kind: 'store' }); // that it was opened
  return {
    replica: store.replica,
    publicKeyPem: store.publicKeyPem,
    findings: store.findings,
    async append(events) {
      const answer = await store.append(events);
      if (answer.kind === 'kept') kept();
      return answer;
    },
    appendDrill(stream, after, body, about) {
      const answer = store.appendDrill(stream, after, body, about);
      if (answer.kind === 'appended') {
        recorded({ kind: 'drill' });
        kept();
      }
      return answer;
    },
    drillRecords: () => store.drillRecords(),
    blocked: () => store.blocked(),
    probe: () => store.probe(),
    query: (query) => store.query(query),
    head: () => store.head(),
    async prune(rules, nowMs) {
      const answer = await store.prune(rules, nowMs);
      if (answer.kind === 'pruned' && answer.records > 0) {
        recorded({ kind: 'store' });
        kept();
      }
      return answer;
    },
    close: () => store.close(),
  };
}

function heardOfSink(event: SinkEvent, { clock, newId, record }: Teller, log: Logger): void {
  const { kind, ...details } = event;
  if (kind === 'sink-recovered') log.info(details, kind);
  else log.warn(details, kind);
  if (event.kind !== 'sink-lost') return;
  const { sink, count, exact } = event;
  const why = `${exact ? '' : 'at most so many: '}retention took them before they were told`;
  record({
    kind: 'loss',
    id: newId(),
    atMs: clock.nowMs(),
    tenant: systemNamespace,
    where: `sink ${sink}`,
    count,
    why,
  });
}

async function madePrivate(folder: string): Promise<string> {
  await makePrivateFolder(folder);
  return folder;
}

function signed(key: KeyObject, bytes: Uint8Array): string {
  return sign(null, bytes, key).toString('base64');
}

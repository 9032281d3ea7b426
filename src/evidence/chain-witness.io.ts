/**
 * Remembers, in a place that outlives a replica's volume, how far its chain of evidence was.
 *
 *   head, every minute and at the end ──▶ record        start: record ──ahead of the chain?──▶ an event of the gap
 *
 * A chain that lies on a volume is gone with it, and the next one begins without a trace of the first: whole, signed, and
 * silent about what is missing. So the new chain says it. The signed head in the record is also what an export of the
 * former chain can be held against.
 */
import { headText } from './chain/head.ts';
import type { Teller } from './recorder/recorder-ports.ts';
import type { EvidenceStore, SignedHead } from './store.ts';

/** Where replicas share what they must not lose, as far as this needs it. */
export interface WitnessRecords {
  read(name: string): Promise<unknown>;
  /** @returns false where somebody else has written it since. */
  replace(name: string, record: object): Promise<boolean>;
}

export interface ChainWitnessPorts {
  readonly records: WitnessRecords;
  readonly store: Pick<EvidenceStore, 'head' | 'publicKeyPem' | 'replica' | 'blocked'>;
  readonly teller: Teller;
  /** Of the events: of no tenant. */
  readonly tenant: string;
  /** It could not be read or written; tried again at the next look. Must not throw. */
  failed(cause: unknown): void;
}

/** Between two looks, in ms: the end of a chain that is lost may be told short by what came in so long. */
const lookMs = 60_000;

interface Witnessed {
  readonly head: SignedHead;
  readonly publicKeyPem: string;
}

export class ChainWitness {
  readonly #ports: ChainWitnessPorts;
  readonly #record: string;
  #isJudged = false;
  #position = 0;
  #turn: Promise<void>;
  #cancel = (): void => undefined;

  constructor(ports: ChainWitnessPorts) {
    this.#ports = ports;
    this.#record = `heads/${ports.store.replica}`;
    this.#turn = this.#look();
  }

  /** Writes down how far it is now. */
  async close(): Promise<void> {
    this.#cancel();
    await this.#turn;
    this.#cancel();
    await this.#write().catch(this.#ports.failed);
  }

  async #look(): Promise<void> {
    try {
      // A store that is shut has no head that could be compared.
      if (!this.#isJudged && this.#ports.store.blocked() === undefined) await this.#judge();
      await this.#write();
    } catch (cause) {
      this.#ports.failed(cause);
    }
    this.#cancel = this.#ports.teller.clock.setTimer(lookMs, () => {
      this.#turn = this.#look();
    });
  }

  async #judge(): Promise<void> {
    const { records, store, teller, tenant } = this.#ports;
    const found = (await records.read(this.#record)) as Witnessed | undefined;
    this.#isJudged = true;
    const text = found && gapBetween(found, store);
    if (text === undefined) return;
    const { clock, newId, record } = teller;
    record({ kind: 'store', id: newId(), atMs: clock.nowMs(), tenant, what: 'gap', text });
  }

  async #write(): Promise<void> {
    const { records, store } = this.#ports;
    const head = store.head();
    if (!this.#isJudged || head === undefined || head.position === this.#position) return;
    const witnessed: Witnessed = { head, publicKeyPem: store.publicKeyPem };
    if (await records.replace(this.#record, witnessed)) this.#position = head.position;
    // Two of one name: the later one writes, as the chain itself has it.
    else await records.read(this.#record);
  }
}

function gapBetween(
  { head, publicKeyPem }: Witnessed,
  store: Pick<EvidenceStore, 'head' | 'publicKeyPem'>,
): string | undefined {
  const position = store.head()?.position ?? 0;
  if (publicKeyPem === store.publicKeyPem && position >= head.position) return undefined;
  const former = `${headText(head)} at ${new Date(head.atMs).toISOString()}`;
  return `this chain had come to ${former}, and what it held is gone; it goes on from position ${position}`;
}

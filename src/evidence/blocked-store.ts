/** A store that could not be opened: it keeps nothing, says why, and lets everything go on that does not depend on it. */
import type {
  AppendAnswer,
  DrillAppendAnswer,
  EvidenceStore,
  PruneAnswer,
  QueryAnswer,
  SignedHead,
  StoredDrill,
} from './store.ts';

export class BlockedStore implements EvidenceStore {
  readonly replica: string;
  readonly publicKeyPem: string;
  readonly findings: readonly string[];
  readonly #message: string;

  /** @param message what is wrong, and what to do. */
  constructor(replica: string, publicKeyPem: string, message: string) {
    this.replica = replica;
    this.publicKeyPem = publicKeyPem;
    this.findings = [message];
    this.#message = message;
  }

  async append(): Promise<AppendAnswer> {
    return { kind: 'blocked', message: this.#message };
  }

  appendDrill(): DrillAppendAnswer {
    return { kind: 'failed', message: this.#message };
  }

  drillRecords(): readonly StoredDrill[] {
    return [];
  }

  blocked(): string {
    return this.#message;
  }

  probe(): string {
    return this.#message;
  }

  async query(): Promise<QueryAnswer> {
    return { kind: 'failed', message: this.#message };
  }

  head(): SignedHead | undefined {
    return undefined;
  }

  async prune(): Promise<PruneAnswer> {
    return { kind: 'failed', message: this.#message };
  }

  async close(): Promise<void> {}
}

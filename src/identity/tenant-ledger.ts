/**
 * Which tenants have had a CA, so that one that is missing is known to be lost and not new.
 *
 *   CA made ──▶ entered         CA missing ──entered?──▶ lost: told, and never made anew in silence
 *
 * A tenant is entered after its CA was made, so a crash between the two leaves a CA that is entered at the next start.
 */
import type { SharedRecords } from './shared-records.ts';

export const ledgerRecord = 'tenants';
/** How often it is written anew because another replica was faster. */
const attemptsMax = 16;

interface LedgerRecord {
  readonly names: readonly string[];
}

export class TenantLedger {
  readonly #records: SharedRecords;
  /** As it was read or written last. */
  #names: ReadonlySet<string> = new Set();

  constructor(records: SharedRecords) {
    this.#records = records;
  }

  /** As another replica may have written it a moment ago. */
  async has(tenant: string): Promise<boolean> {
    await this.#read();
    return this.#names.has(tenant);
  }

  async enter(tenants: Iterable<string>): Promise<void> {
    const entered = [...tenants];
    const isThere = () => entered.every((tenant) => this.#names.has(tenant));
    if (isThere()) return;
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      await this.#read();
      if (isThere()) return;
      const names = [...new Set([...this.#names, ...entered])].sort();
      if (!(await this.#records.replace(ledgerRecord, { names } satisfies LedgerRecord))) continue;
      this.#names = new Set(names);
      return;
    }
    throw new Error(`other replicas have written \`${ledgerRecord}\` ${attemptsMax} times meanwhile`);
  }

  async #read(): Promise<void> {
    const record = (await this.#records.read(ledgerRecord)) as LedgerRecord | undefined;
    this.#names = new Set(record?.names);
  }
}

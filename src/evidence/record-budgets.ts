/**
 * How many records each proxy may still tell: a token bucket each, so that one that floods cannot bury the others.
 *
 * The healthy cost of a proxy is a sample of its requests, and what it refuses: thousands a second are an attack on it or
 * by it, and of those the first ten thousand say what they all say.
 */

export interface RecordRate {
  readonly perSecond: number;
  /** Most at once, after a while of less. */
  readonly burst: number;
}

/** About 8 % of a core for a proxy that uses all of it: measured, 35 us for a record that becomes an event, and 0.1 us to count one that is not read. */
export const defaultRecordRate: RecordRate = { perSecond: 2_000, burst: 10_000 };

/** Most proxies that are counted at a time; beyond it the one that has been quiet for longest is forgotten, and so forgiven. */
const proxiesMax = 20_000;

interface Budget {
  records: number;
  /** When `records` was right, on the caller's clock, in ms. */
  atMs: number;
}

export class RecordBudgets {
  readonly #rate: RecordRate;
  /** The one that told last stands last. */
  readonly #budgets = new Map<string, Budget>();

  constructor(rate: RecordRate) {
    this.#rate = rate;
  }

  /** Takes as many as are wanted and left. @returns how many that was. */
  take(proxy: string, wanted: number, nowMs: number): number {
    const budget = this.#refilled(proxy, nowMs);
    const taken = Math.min(wanted, Math.floor(budget.records));
    budget.records -= taken;
    return taken;
  }

  isSpent(proxy: string, nowMs: number): boolean {
    return this.#refilled(proxy, nowMs).records < 1;
  }

  #refilled(proxy: string, nowMs: number): Budget {
    const { perSecond, burst } = this.#rate;
    const budget = this.#budgets.get(proxy) ?? { records: burst, atMs: nowMs };
    const passedMs = Math.max(0, nowMs - budget.atMs);
    budget.records = Math.min(burst, budget.records + (passedMs * perSecond) / 1_000);
    budget.atMs = nowMs;
    this.#budgets.delete(proxy);
    this.#budgets.set(proxy, budget);
    const [longestQuiet] = this.#budgets.keys();
    if (this.#budgets.size > proxiesMax && longestQuiet !== undefined) this.#budgets.delete(longestQuiet);
    return budget;
  }
}

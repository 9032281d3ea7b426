/**
 * How much each proxy may still tell: a token bucket each, so that one that floods can neither bury the others nor take the
 * time of the process that serves them all.
 *
 *   records   what evidence is made of: beyond it messages are counted and not read
 *   edges     what a drill measures by: the same, of a much larger bucket
 *   bytes     what is taken off the wire at all: beyond it the stream waits, and nothing of it is lost here
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
const defaultRecordRate: RecordRate = { perSecond: 2_000, burst: 10_000 };

/** More than one core of Envoy serves: a drill mistakes a gap in such a log for a quiet edge, so only what no edge has is cut. */
const edgeRate: RecordRate = { perSecond: 10_000, burst: 50_000 };

/** In bytes. More than a proxy sends that uses all of both budgets, at a kilobyte a record. */
const byteRate: RecordRate = { perSecond: 16_777_216, burst: 33_554_432 };

export interface LogRates {
  readonly records: RecordRate;
  readonly edges: RecordRate;
  readonly bytes: RecordRate;
}

export const defaultLogRates: LogRates = { records: defaultRecordRate, edges: edgeRate, bytes: byteRate };

/** Bytes of a message that weigh as much as one record: few records with a hundred thousand tags are work, too. */
const bytesOfOneRecord = 1_024;

/** What reading a message costs at least, in records. */
export function weightOf(message: Uint8Array): number {
  return Math.ceil(message.length / bytesOfOneRecord);
}

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

  /** Takes it all, be it more than is left. @returns how long it takes until nothing is owed, in ms. */
  owe(proxy: string, wanted: number, nowMs: number): number {
    const budget = this.#refilled(proxy, nowMs);
    budget.records -= wanted;
    return Math.max(0, Math.ceil((-budget.records * 1_000) / this.#rate.perSecond));
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

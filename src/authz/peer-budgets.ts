/**
 * How many checks each connection may still ask for: a token bucket each, so that one sidecar's flood is shed before
 * its bytes are read and the others keep their turn.
 *
 * A check is judged in one go, so checks never pile up inside; what can pile up is their number, which this bounds, and
 * the streams of a connection, which the gRPC server's own limit bounds.
 */
import type { CheckLimits } from './limits.ts';
import { peersMax } from './limits.ts';

interface Budget {
  checks: number;
  /** When `checks` was right, on the caller's clock, in ms. */
  atMs: number;
}

export class PeerBudgets {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #budgets = new Map<string, Budget>();

  constructor({ checksPerSecondMax, checksBurstMax }: Pick<CheckLimits, 'checksPerSecondMax' | 'checksBurstMax'>) {
    this.#perMs = checksPerSecondMax / 1_000;
    this.#burst = checksBurstMax;
  }

  /** Takes one check from the peer's budget; false when there is none left. */
  take(peer: string, nowMs: number): boolean {
    const budget = this.#budgetOf(peer, nowMs);
    const passedMs = Math.max(0, nowMs - budget.atMs);
    budget.checks = Math.min(this.#burst, budget.checks + passedMs * this.#perMs);
    budget.atMs = nowMs;
    if (budget.checks < 1) return false;
    budget.checks -= 1;
    return true;
  }

  #budgetOf(peer: string, nowMs: number): Budget {
    const known = this.#budgets.get(peer);
    if (known !== undefined) return known;
    const [oldest] = this.#budgets.keys();
    if (oldest !== undefined && this.#budgets.size >= peersMax) this.#budgets.delete(oldest);
    const fresh = { checks: this.#burst, atMs: nowMs };
    this.#budgets.set(peer, fresh);
    return fresh;
  }
}

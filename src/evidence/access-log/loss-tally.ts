/**
 * What was lost, counted, and told once a window: a flood must not go on in the telling of it.
 *
 * The timer is that of the window and of nothing else: while nothing is lost there is none.
 */

export interface Loss<Why extends string> {
  /** Where, such as a proxy's key. */
  readonly where: string;
  readonly why: Why;
  /** In this window. */
  readonly count: number;
}

/** How long losses are counted before they are told, in ms. */
export const lossWindowMs = 10_000;

interface TallyPorts<Why extends string> {
  /** Calls `then` once, after `ms`. */
  setTimer(ms: number, then: () => void): () => void;
  tell(loss: Loss<Why>): void;
}

export class LossTally<Why extends string> {
  readonly #ports: TallyPorts<Why>;
  /** By place and reason: as many places as there are proxies that were admitted in one window. */
  #window = new Map<string, Loss<Why>>();

  constructor(ports: TallyPorts<Why>) {
    this.#ports = ports;
  }

  add(where: string, why: Why, count: number): void {
    if (this.#window.size === 0) this.#ports.setTimer(lossWindowMs, () => this.#tell());
    const key = `${why} ${where}`;
    this.#window.set(key, { where, why, count: (this.#window.get(key)?.count ?? 0) + count });
  }

  #tell(): void {
    const window = this.#window;
    this.#window = new Map();
    for (const loss of window.values()) this.#ports.tell(loss);
  }
}

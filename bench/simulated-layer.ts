/** The drill layer of a simulated proxy, with Envoy's own dead man's switch: what has a TTL and is not renewed is gone. */

export interface LayerMessage {
  /** Absent in a heartbeat, which renews what is there and changes nothing. */
  readonly settings?: ReadonlyMap<string, number>;
  /** Absent: it stays until it is replaced. */
  readonly ttlMs?: number;
}

const nothing: ReadonlyMap<string, number> = new Map();

export class SimulatedLayer {
  #settings = nothing;
  #goneAtMs = Number.POSITIVE_INFINITY;

  take({ settings, ttlMs = Number.POSITIVE_INFINITY }: LayerMessage, nowMs: number): void {
    this.#settings = settings ?? this.settings(nowMs);
    this.#goneAtMs = nowMs + ttlMs;
  }

  settings(nowMs: number): ReadonlyMap<string, number> {
    return nowMs < this.#goneAtMs ? this.#settings : nothing;
  }
}

/** As Envoy's admin interface tells of a proxy whose runtime has this one layer. */
export function runtimePage(name: string, settings: ReadonlyMap<string, number>): string {
  const entries = [...settings].map(([key, value]) => {
    return [key, { final_value: String(value), layer_values: [String(value)] }] as const;
  });
  return JSON.stringify({ entries: Object.fromEntries(entries), layers: [name] });
}

/**
 * Envoys as a model: each takes what the cache has for it when it gets to it, answers, and acts by it a moment later.
 *
 *   cache.set ──▶ after a while: updates, ACK ──▶ after a while: removals, ACK         workers follow each ACK, a moment later
 *
 * So at any time one may still act by what it had before its newest ACK, and everybody is late in another way.
 */

import { effectMs } from '../../src/controller/acceptance.ts';
import { doorsOf, endpointsOf, inboundListeners } from '../../src/controller/doors.ts';
import type { ProxyCache } from '../../src/controller/loop.io.ts';
import { referencesOf } from '../../src/controller/references.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import type { TestClock } from '../xds/test-clock.ts';

export interface EnvoyPorts {
  readonly clock: TestClock;
  /** From 0 (included) to 1 (excluded). */
  random(): number;
  /** Longest until it answers this time, in ms. */
  answerMaxMs(): number;
  heard(event: XdsEvent): void;
  /** Its workers act by something else now. */
  moved(): void;
}

const nothing: ResourceSnapshot = { revision: '', types: new Map() };

export class ModelledEnvoy {
  readonly #key: string;
  readonly #ports: EnvoyPorts;
  #wanted = nothing;
  #held = nothing;
  #busy = false;
  /** What workers are told overtakes nothing. */
  #turns = 0;
  #turnInForce = 0;
  /** What its workers act by. */
  inForce = nothing;

  constructor(key: string, ports: EnvoyPorts) {
    this.#key = key;
    this.#ports = ports;
  }

  get wanted(): ResourceSnapshot {
    return this.#wanted;
  }

  connect(): void {
    this.#held = this.inForce = this.#wanted;
    this.#ports.heard({ kind: 'stream-opened', nodeId: this.#key, address: '', ...this.#ref });
  }

  set(wanted: ResourceSnapshot): void {
    this.#wanted = wanted;
    if (!this.#busy) this.#update();
  }

  get #ref() {
    return { stream: 1, protocol: 'delta', key: this.#key } as const;
  }

  #update(): void {
    this.#busy = true;
    const { clock, random, answerMaxMs } = this.#ports;
    clock.setTimer(1 + random() * answerMaxMs(), () => {
      const wanted = this.#wanted;
      const before = this.#held;
      this.#hold(withAll(before, wanted));
      this.#tell(before, wanted);
      clock.setTimer(1 + random() * answerMaxMs(), () => {
        this.#hold(wanted);
        this.#tellGone(before, wanted);
        this.#busy = false;
        if (this.#wanted !== wanted) this.#update();
      });
    });
  }

  #hold(held: ResourceSnapshot): void {
    this.#held = held;
    const turn = ++this.#turns;
    this.#ports.clock.setTimer(this.#ports.random() * (effectMs - 1), () => {
      if (turn < this.#turnInForce) return;
      this.#turnInForce = turn;
      this.inForce = held;
      this.#ports.moved();
    });
  }

  #tell(before: ResourceSnapshot, wanted: ResourceSnapshot): void {
    for (const [typeUrl, listing] of wanted.types) {
      const changed = [...listing.values()].filter(
        ({ name, version }) => before.types.get(typeUrl)?.get(name)?.version !== version,
      );
      if (changed.length > 0) this.#acked(typeUrl, changed, []);
    }
  }

  #tellGone(before: ResourceSnapshot, wanted: ResourceSnapshot): void {
    for (const [typeUrl, listing] of wanted.types) {
      const gone = [...(before.types.get(typeUrl)?.keys() ?? [])].filter((name) => !listing.has(name));
      if (gone.length > 0) this.#acked(typeUrl, [], gone);
    }
  }

  #acked(typeUrl: string, changed: readonly Resource[], removed: readonly string[]): void {
    const resources = new Map(changed.map(({ name, version }) => [name, version]));
    this.#ports.heard({ kind: 'acked', typeUrl, nonce: '1', version: '1', resources, removed, ...this.#ref });
  }

  /** Endpoints that a request may be sent to now: of clusters that a listener or a route leads to. */
  endpoints(): ReadonlySet<string> {
    const { types } = this.inForce;
    const ways = [typeUrls.listener, typeUrls.route].flatMap((typeUrl) => [...(types.get(typeUrl)?.values() ?? [])]);
    const led = new Set(ways.flatMap((way) => [...referencesOf(way)]));
    const assignments = [...(types.get(typeUrls.endpoints)?.values() ?? [])];
    const dialled = assignments.filter(({ name }) => led.has(`${typeUrls.cluster} ${name}`));
    return new Set(dialled.flatMap((assignment) => [...endpointsOf(assignment)]));
  }

  doors(): ReadonlySet<string> {
    return doorsIn(this.inForce);
  }
}

export function doorsIn(snapshot: ResourceSnapshot): ReadonlySet<string> {
  return new Set(inboundListeners(snapshot).flatMap((listener) => [...doorsOf(listener).keys()]));
}

export function cacheOf(envoys: ReadonlyMap<string, ModelledEnvoy>): ProxyCache {
  return {
    set: (proxy, snapshot) => envoys.get(proxy)?.set(snapshot),
    delete: () => undefined,
    setReady: () => undefined,
  };
}

function withAll(before: ResourceSnapshot, wanted: ResourceSnapshot): ResourceSnapshot {
  const types = [...wanted.types].map(
    ([typeUrl, listing]) => [typeUrl, new Map([...(before.types.get(typeUrl) ?? []), ...listing])] as const,
  );
  return { revision: wanted.revision, types: new Map(types) };
}

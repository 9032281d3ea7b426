/**
 * What proxies really hold and do, in values: their runtime layer, their configuration, their counters.
 *
 *   proxy's key ──locate──▶ address, name ──ProxyDoor──▶ text ──▶ value | undefined
 *
 * Undefined means that it could not be seen: unknown, out of reach, or in a form that says nothing. It never means empty.
 */
import { drillLayer } from '../envoy/names.ts';
import { configDumpPath, heldResources } from './config-dump.ts';
import { type ComparableConfig, comparable } from './held-resource.ts';
import type { InspectedProxy, InspectionPath, ProxyDoor, Reading } from './proxy-door.io.ts';
import { runtimeLayers } from './runtime-layer.ts';

export class ProxyEyes {
  readonly #door: Pick<ProxyDoor, 'read'>;
  readonly #locate: (proxy: string) => InspectedProxy | undefined;

  /** @param locate by workload key; undefined for one that is not there, or has no address. */
  constructor(door: Pick<ProxyDoor, 'read'>, locate: (proxy: string) => InspectedProxy | undefined) {
    this.#door = door;
    this.#locate = locate;
  }

  /** Keys and values of the layer that drills write to. */
  async runtime(proxy: string, signal?: AbortSignal): Promise<ReadonlyMap<string, number> | undefined> {
    const text = await this.#text(proxy, '/runtime', signal);
    return text === undefined ? undefined : runtimeLayers(text)?.get(drillLayer);
  }

  /** A digest of each resource that it holds; nothing in it moves but by a change of that resource. */
  async config(proxy: string, signal?: AbortSignal): Promise<ComparableConfig | undefined> {
    const text = await this.#text(proxy, configDumpPath, signal);
    const held = text === undefined ? undefined : heldResources(text);
    return held && comparable(held);
  }

  /** Counters and gauges; histograms are left out. @param filter RE2, as Envoy takes it. */
  async stats(proxy: string, filter: string, signal?: AbortSignal): Promise<ReadonlyMap<string, number> | undefined> {
    const text = await this.#text(proxy, `/stats?filter=${encodeURIComponent(filter)}`, signal);
    return text === undefined ? undefined : statsIn(text);
  }

  /** The answer itself, or why there is none. */
  async read(proxy: string, path: InspectionPath, signal?: AbortSignal): Promise<Reading> {
    const located = this.#locate(proxy);
    if (located === undefined) return { kind: 'unreachable', why: 'it has no address' };
    return this.#door.read(located, path, signal);
  }

  async #text(proxy: string, path: InspectionPath, signal: AbortSignal | undefined): Promise<string | undefined> {
    const reading = await this.read(proxy, path, signal);
    return reading.kind === 'read' ? reading.text : undefined;
  }
}

function statsIn(text: string): ReadonlyMap<string, number> {
  const pairs = text.split('\n').flatMap((line) => {
    const [, name, value] = /^(.+): (\d+)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(value)] as const];
  });
  return new Map(pairs);
}

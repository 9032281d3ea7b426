/**
 * Who is where and who is there: workloads by address, and proxies with a stream by what their tenant's callers ask for.
 *
 *   look, connect, disconnect ──▶ at(endpoint), isConnected(proxy), callersAt(door)
 *
 * It is kept as workloads and streams come and go, so that neither a question nor an event costs a walk through the mesh.
 */
import { sniOf } from '../envoy/names.ts';
import type { Workload } from '../model/snapshot.ts';
import { addressOf, type Door, type EndpointKey, serverNameAt } from './doors.ts';
import type { MapChanges } from './rollout-changes.ts';

export class HandoverDirectory {
  #workloads: ReadonlyMap<string, Workload> = new Map();
  /** No two workloads of a snapshot have an address in common. */
  readonly #byAddress = new Map<string, Workload>();
  readonly #connected = new Set<string>();
  /** Proxies with a stream, by the server name that they ask for. */
  readonly #callers = new Map<string, Set<string>>();

  /** @param moved what differs from the workloads of the look before. */
  look(workloads: ReadonlyMap<string, Workload>, { changed, gone }: MapChanges<Workload>): void {
    for (const key of [...changed.keys(), ...gone]) {
      for (const address of this.#workloads.get(key)?.addresses ?? []) this.#byAddress.delete(address);
    }
    for (const workload of changed.values()) {
      for (const address of workload.addresses) this.#byAddress.set(address, workload);
    }
    this.#workloads = workloads;
  }

  workload(proxy: string): Workload | undefined {
    return this.#workloads.get(proxy);
  }

  at(endpoint: EndpointKey): Workload | undefined {
    return this.#byAddress.get(addressOf(endpoint));
  }

  connect(proxy: string): void {
    this.#connected.add(proxy);
    const name = serverNameOf(proxy);
    this.#callers.set(name, (this.#callers.get(name) ?? new Set()).add(proxy));
  }

  disconnect(proxy: string): void {
    this.#connected.delete(proxy);
    const name = serverNameOf(proxy);
    const left = this.#callers.get(name);
    if (left?.delete(proxy) === true && left.size === 0) this.#callers.delete(name);
  }

  isConnected(proxy: string): boolean {
    return this.#connected.has(proxy);
  }

  /** Proxies with a stream that may come in there: those of one tenant. */
  callersAt(door: Door): Iterable<string> {
    return this.#callers.get(serverNameAt(door)) ?? [];
  }
}

/** A workload's key begins with its tenant. */
function serverNameOf(proxy: string): string {
  return sniOf(proxy.slice(0, proxy.indexOf('/')));
}

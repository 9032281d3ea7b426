/** The pods of a lab, inside it: each with a network namespace, an /etc/hosts and an /etc/resolv.conf. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodPlace } from './enter.ts';
import { createPodNetwork, removePodNetwork } from './pod-network.ts';
import { hostPlace, type PodSpec, type PodSummary, podsMax } from './protocol.ts';

interface Pod {
  readonly spec: PodSpec;
  readonly place: PodPlace;
}

export class PodTable {
  readonly #dir: string;
  readonly #pods = new Map<string, Pod>();
  /** Never used twice, so that a namespace which lingers cannot stand in a new pod's way. */
  #next = 1;

  /** @param dir for the pods' files; removed with the lab's own /run. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  add(spec: PodSpec): void {
    if (spec.key === hostPlace || this.#pods.has(spec.key)) {
      throw new Error(`pod \`${spec.key}\` exists already; remove it first`);
    }
    if (this.#pods.size >= podsMax) throw new Error(`a lab holds at most ${podsMax} pods; remove one first`);
    const netns = `pod${this.#next++}`;
    const dir = join(this.#dir, netns);
    const place = { netns, hostsPath: join(dir, 'hosts'), resolvPath: join(dir, 'resolv.conf') };
    mkdirSync(dir, { recursive: true });
    writeFileSync(place.hostsPath, hostsText(spec.hosts));
    writeFileSync(place.resolvPath, resolvText(spec.dnsResolvers));
    createPodNetwork(netns, spec);
    this.#pods.set(spec.key, { spec, place });
  }

  /** Written in place, never renamed over: running processes hold this very file under /etc. */
  setHosts(key: string, hosts: PodSpec['hosts']): void {
    writeFileSync(this.place(key).hostsPath, hostsText(hosts));
  }

  remove(key: string): void {
    const { netns, hostsPath } = this.place(key);
    removePodNetwork(netns);
    rmSync(join(hostsPath, '..'), { recursive: true });
    this.#pods.delete(key);
  }

  place(key: string): PodPlace {
    const pod = this.#pods.get(key);
    if (!pod) throw new Error(`there is no pod \`${key}\`; pods are: ${[...this.#pods.keys()].join(', ') || 'none'}`);
    return pod.place;
  }

  list(): readonly PodSummary[] {
    return [...this.#pods.values()].map(({ spec: { key, addresses, intercepted } }) => ({
      key,
      addresses,
      intercepted,
    }));
  }
}

function hostsText(hosts: PodSpec['hosts']): string {
  const entries = Object.entries(hosts).map(([name, address]) => `${address} ${name}\n`);
  return `127.0.0.1 localhost\n::1 localhost\n${entries.join('')}`;
}

/** Without a resolver none is asked, rather than the one the C library assumes on localhost. */
function resolvText(resolvers: readonly string[]): string {
  const lines = resolvers.map((address) => `nameserver ${address}\n`);
  return `${lines.join('')}options timeout:1 attempts:1\n`;
}

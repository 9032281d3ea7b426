/**
 * Pods of a lab without namespaces: an address and a few files each, by which its programs find names.
 *
 *   hosts      name and address, a line each: what Node programs look names up in, through `loopback-names.ts`
 *   .curlrc    the same for curl, and the pod's address to call from
 *
 * There is one /etc/hosts on the machine and it is not ours, so programs that know neither of these find no names here.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PodSpec, type PodSummary, podsMax } from './protocol.ts';

const preload = new URL('./loopback-names.ts', import.meta.url).href;

export class LoopbackPods {
  readonly #dir: string;
  readonly #pods = new Map<string, PodSpec>();

  /** @param dir for the pods' files. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  add(spec: PodSpec): void {
    if (this.#pods.has(spec.key)) throw new Error(`pod \`${spec.key}\` exists already; remove it first`);
    if (this.#pods.size >= podsMax) throw new Error(`a lab holds at most ${podsMax} pods; remove one first`);
    mkdirSync(this.#home(spec.key), { recursive: true });
    this.#pods.set(spec.key, spec);
    this.setHosts(spec.key, spec.hosts);
  }

  setHosts(key: string, hosts: PodSpec['hosts']): void {
    const [own] = this.#pod(key).addresses;
    const names = Object.entries(hosts);
    const curl = names.map(([name, address]) => `connect-to = "${name}::${address}:"\n`);
    this.#write(key, 'hosts', names.map(([name, address]) => `${address} ${name}\n`).join(''));
    this.#write(key, '.curlrc', `interface = "${own}"\n${curl.join('')}`);
  }

  remove(key: string): void {
    this.#pod(key);
    rmSync(this.#home(key), { recursive: true });
    this.#pods.delete(key);
  }

  list(): readonly PodSummary[] {
    return [...this.#pods.values()].map(({ key, addresses, intercepted }) => ({ key, addresses, intercepted }));
  }

  environmentOf(key: string): Readonly<Record<string, string>> {
    this.#pod(key);
    const home = this.#home(key);
    return { CURL_HOME: home, COFFRE_LAB_HOSTS: join(home, 'hosts'), NODE_OPTIONS: `--import=${preload}` };
  }

  #pod(key: string): PodSpec {
    const pod = this.#pods.get(key);
    if (!pod) throw new Error(`there is no pod \`${key}\`; pods are: ${[...this.#pods.keys()].join(', ') || 'none'}`);
    return pod;
  }

  #home(key: string): string {
    return join(this.#dir, key.replaceAll('/', '.'));
  }

  /** Whole or not at all: programs read these files at any moment. */
  #write(key: string, file: string, text: string): void {
    const path = join(this.#home(key), file);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
}

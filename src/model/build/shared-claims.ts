/**
 * What several namespaces claim at once, where each may claim anything: told to each without the names of the others.
 *
 *   take(claims of each) ──▶ of(namespace): those of its claims that others hold too
 *
 * A change costs what it changes: namespaces whose share stays the same are given the very same set.
 */
import { keepUnchanged } from '../keep-unchanged.ts';
import type { Versioned } from './part.ts';

const none: ReadonlySet<string> = new Set();

export class SharedClaims implements Versioned {
  readonly #claims = new Map<string, ReadonlySet<string>>();
  /** By claim: its one holder, or all where there are several. */
  readonly #holders = new Map<string, string | Set<string>>();
  readonly #shared = new Map<string, ReadonlySet<string>>();
  /** Namespaces whose share is to be told anew. */
  readonly #stale = new Set<string>();
  #version = 0;
  /** Since the claims were taken before the last time. */
  #moved = new Set<string>();

  get version(): number {
    return this.#version;
  }

  get moved(): ReadonlySet<string> {
    return this.#moved;
  }

  /** @param claims of every namespace that has any: sets that stay as they are, the very same while nothing in them changed. */
  take(claims: readonly (readonly [namespace: string, claims: ReadonlySet<string>])[]): void {
    this.#version += 1;
    this.#moved = new Set();
    const named = new Set(claims.map(([namespace]) => namespace));
    for (const namespace of this.#claims.keys()) if (!named.has(namespace)) this.#replace(namespace, none);
    for (const [namespace, own] of claims) this.#replace(namespace, own);
  }

  of(namespace: string): ReadonlySet<string> {
    if (this.#stale.delete(namespace)) {
      const claims = this.#claims.get(namespace) ?? none;
      const shared = new Set([...claims].filter((claim) => this.#holders.get(claim) instanceof Set));
      if (shared.size === 0) this.#shared.delete(namespace);
      else this.#shared.set(namespace, keepUnchanged(this.#shared.get(namespace), shared));
    }
    return this.#shared.get(namespace) ?? none;
  }

  #replace(namespace: string, claims: ReadonlySet<string>): void {
    const former = this.#claims.get(namespace) ?? none;
    if (former === claims) return;
    for (const claim of former) if (!claims.has(claim)) this.#release(claim, namespace);
    for (const claim of claims) if (!former.has(claim)) this.#hold(claim, namespace);
    this.#move(namespace);
    if (claims.size > 0) this.#claims.set(namespace, claims);
    else this.#claims.delete(namespace);
  }

  #hold(claim: string, namespace: string): void {
    const holders = this.#holders.get(claim);
    if (holders === undefined) this.#holders.set(claim, namespace);
    else if (holders instanceof Set) holders.add(namespace);
    else {
      this.#holders.set(claim, new Set([holders, namespace]));
      this.#move(holders);
    }
  }

  #release(claim: string, namespace: string): void {
    const holders = this.#holders.get(claim);
    if (!(holders instanceof Set)) {
      this.#holders.delete(claim);
      return;
    }
    holders.delete(namespace);
    const [last, ...others] = holders;
    if (last === undefined || others.length > 0) return;
    this.#holders.set(claim, last);
    this.#move(last);
  }

  #move(namespace: string): void {
    this.#stale.add(namespace);
    this.#moved.add(namespace);
  }
}

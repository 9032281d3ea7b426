/**
 * Keeps the keys of all providers at hand, whether or not a token comes: asked for when the providers are made known,
 * and looked at again every half minute, so that they are renewed as they age and had as soon as a dead issuer is back.
 *
 * Envoy waits a fifth of a second for a verdict and an issuer may take seconds, so keys that are asked for with the
 * first token come too late for it.
 */
import type { IdentityProvider } from './identity-provider.ts';
import { coolDownMs } from './key-book.ts';

export interface KeyKeeperPorts {
  readonly verifier: { prepare(providers: readonly IdentityProvider[], nowMs: number): void };
  readonly clock: {
    nowMs(): number;
    /** @returns what calls it off. */
    setTimer(afterMs: number, fire: () => void): () => void;
  };
}

export class KeyKeeper {
  readonly #ports: KeyKeeperPorts;
  #cancel: () => void = () => undefined;

  constructor(ports: KeyKeeperPorts) {
    this.#ports = ports;
  }

  /** @param providers all that are believed from now on. */
  keep(providers: readonly IdentityProvider[]): void {
    this.stop();
    const { verifier, clock } = this.#ports;
    verifier.prepare(providers, clock.nowMs());
    if (providers.length > 0) this.#cancel = clock.setTimer(coolDownMs, () => this.keep(providers));
  }

  stop(): void {
    this.#cancel();
  }
}

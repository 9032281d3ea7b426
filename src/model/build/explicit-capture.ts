/** The addresses of every namespace's explicit workloads; `explicit-addresses.ts` tells what they are. */
import { keepUnchanged } from '../keep-unchanged.ts';
import type { Problem } from '../problem.ts';
import type { ExternalService, Service } from '../snapshot.ts';
import {
  type AddressClaim,
  addressClaims,
  destinationsOf,
  explicitAddressesIn,
  usedAddresses,
} from './explicit-addresses.ts';
import type { Granted } from './granting.ts';
import type { Ground } from './ground.ts';
import { type Inside, noServices } from './inside-namespaces.ts';
import type { BuildCounters, Look } from './look.ts';
import { type Built, Part } from './part.ts';
import { SharedClaims } from './shared-claims.ts';

/** By workload, then by destination. */
export type ExplicitAddresses = ReadonlyMap<string, ReadonlyMap<string, string>>;

interface Claims {
  readonly claims: readonly AddressClaim[];
  readonly used: ReadonlySet<string>;
}

export class ExplicitBuilder {
  readonly #destinations: Part<readonly string[]>;
  readonly #claims: Part<Claims>;
  readonly #shared = new SharedClaims();
  readonly #addresses: Part<ExplicitAddresses>;

  constructor(counters: BuildCounters) {
    const built = (part: string) => (namespace: string) => counters.built(part, namespace);
    this.#destinations = new Part(built('destinations'));
    this.#claims = new Part(built('addressClaims'), keepClaims);
    this.#addresses = new Part(built('explicitAddresses'));
  }

  of(
    { having }: Look,
    { mesh: { explicitRange } }: Ground,
    inside: Inside,
    { from }: Granted,
    externalServices: ReadonlyMap<string, readonly ExternalService[]>,
  ): { readonly addresses: Built<ExplicitAddresses>; readonly problems: readonly (readonly Problem[])[] } {
    const explicitOf = (namespace: string) => inside.workloads.of(namespace)?.explicit ?? [];
    const places = having('Pod').filter(({ namespace }) => explicitOf(namespace).length > 0);
    const destinations = this.#destinations.each(places, ({ namespace }) => {
      const own = inside.services.of(namespace)?.byKey ?? noServices;
      const granted = (from.get(namespace) ?? []).flatMap(({ tenant, to }): readonly Service[] => {
        const service = inside.services.of(tenant)?.byKey.get(to.service);
        return service === undefined ? [] : [service];
      });
      const external = externalServices.get(namespace) ?? none;
      return { reads: [own, external, ...granted], make: () => destinationsOf({ own, granted, external }) };
    });
    const claims = this.#claims.each(places, ({ namespace }) => {
      const [explicit, callable] = [explicitOf(namespace), destinations.of(namespace) ?? none];
      return {
        reads: [explicit, callable, explicitRange],
        make(problems) {
          const made = addressClaims(explicit, callable, explicitRange, problems);
          return { claims: made, used: usedAddresses(explicit, made) };
        },
      };
    });
    this.#shared.take(claims.entries().map(([namespace, { used }]) => [namespace, used]));
    const addresses = this.#addresses.each(places, ({ namespace }) => {
      const [explicit, own] = [explicitOf(namespace), claims.of(namespace)?.claims ?? none];
      const elsewhere = this.#shared.of(namespace);
      return {
        reads: [explicit, own, elsewhere],
        make: (problems) => explicitAddressesIn(explicit, own, elsewhere, problems),
      };
    });
    return { addresses, problems: [...claims.problems(), ...addresses.problems()] };
  }
}

const none: readonly never[] = [];

function keepClaims(former: Claims | undefined, { claims, used }: Claims): Claims {
  return { claims, used: keepUnchanged(former?.used, used) };
}

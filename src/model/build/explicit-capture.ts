/** The addresses of every namespace's explicit workloads; `explicit-addresses.ts` tells what they are. */
import { keepUnchanged } from '../keep-unchanged.ts';
import { Last } from '../last.ts';
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
import type { BuildCounters } from './look.ts';
import { type Built, Part } from './part.ts';
import { SharedClaims } from './shared-claims.ts';

/** By workload, then by destination. */
export type ExplicitAddresses = ReadonlyMap<string, ReadonlyMap<string, string>>;

interface Claims {
  readonly claims: readonly AddressClaim[];
  readonly used: ReadonlySet<string>;
}

export class ExplicitBuilder {
  /** Namespaces with workloads under explicit capture: few, so each is looked at. */
  readonly #places = new Last<readonly { readonly namespace: string }[]>();
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
    { mesh: { explicitRange } }: Ground,
    inside: Inside,
    { from }: Granted,
    externalServices: ReadonlyMap<string, readonly ExternalService[]>,
  ): { readonly addresses: Built<ExplicitAddresses>; readonly problems: readonly (readonly Problem[])[] } {
    const explicitOf = (namespace: string) => inside.workloads.of(namespace)?.explicit ?? [];
    const places = this.#places.of([inside.workloads], () =>
      inside.workloads.entries().flatMap(([namespace, { explicit }]) => (explicit.length === 0 ? [] : [{ namespace }])),
    );
    const destinations = this.#destinations.each(places, undefined, ({ namespace }) => {
      const own = inside.services.of(namespace)?.byKey ?? noServices;
      const granted = (from.get(namespace) ?? []).flatMap(({ tenant, to }): readonly Service[] => {
        const service = inside.services.of(tenant)?.byKey.get(to.service);
        return service === undefined ? [] : [service];
      });
      const external = externalServices.get(namespace) ?? none;
      return { reads: [own, external, ...granted], make: () => destinationsOf({ own, granted, external }) };
    });
    const claims = this.#claims.each(places, undefined, ({ namespace }) => {
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
    const addresses = this.#addresses.each(places, undefined, ({ namespace }) => {
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

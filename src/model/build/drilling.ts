/** Drills that could be meant, and the consents to them: what a tenant writes of both, beside who answers DNS for the mesh. */
import type { Drill } from '../drill.ts';
import { Last } from '../last.ts';
import type { Problem } from '../problem.ts';
import { type DrillConsents, drillConsentsIn } from './drill-consents.ts';
import { drillsIn } from './drills.ts';
import type { Ground } from './ground.ts';
import { type Inside, noServices, noWorkloads } from './inside-namespaces.ts';
import type { BuildCounters, Look } from './look.ts';
import type { MomentsOfLook } from './moments.ts';
import { type Built, Part } from './part.ts';
import { joinResolvers, type Resolvers, resolversIn } from './resolvers.ts';

export interface Drilled {
  readonly drills: Built<ReadonlyMap<string, Drill>>;
  readonly consents: Built<DrillConsents>;
  /** Keys of the consents whose end has passed. */
  readonly expired: readonly string[];
  readonly problems: readonly (readonly Problem[])[];
}

export class DrillsBuilder {
  readonly #consents: Part<DrillConsents>;
  readonly #resolvers: Part<Resolvers>;
  readonly #everyResolver = new Last<Resolvers>();
  readonly #drills: Part<ReadonlyMap<string, Drill>>;

  constructor(counters: BuildCounters) {
    const built = (part: string) => (namespace: string) => counters.built(part, namespace);
    this.#consents = new Part(built('drillConsents'));
    this.#resolvers = new Part(built('resolvers'));
    this.#drills = new Part(built('drills'));
  }

  /** @param moments at which consents are judged dead or alive. */
  of(
    { inventories, namespaces, having }: Look,
    { mesh, tenants, serviceAccounts }: Ground,
    inside: Inside,
    moments: MomentsOfLook,
  ): Drilled {
    const servicesOf = (namespace: string) => inside.services.of(namespace)?.byKey ?? noServices;
    const { services, workloads } = inside;
    const agreed = { whole: [mesh, tenants], own: [inventories, services, moments] };
    const consents = this.#consents.each(having('DrillConsent'), agreed, (own) => {
      const keys = inside.services.of(own.namespace)?.keys ?? none;
      const nowMs = moments.of(own.namespace);
      return {
        reads: [own.of('DrillConsent'), mesh, tenants, keys, nowMs],
        make: (problems) => drillConsentsIn(own, { mesh, tenants, serviceKeys: new Set(keys), nowMs }, problems),
      };
    });
    const drilled = having('Drill');
    // Whoever is drilled, resolvers are to be found in every namespace; without drills nobody asks for them.
    const places = drilled.length === 0 ? [] : namespaces;
    const answering = { whole: [places.length === 0, mesh], own: [inventories, services, workloads] };
    const parts = this.#resolvers.each(places, answering, ({ namespace }) => {
      const [services, workloads] = [servicesOf(namespace), inside.workloads.of(namespace)?.byKey ?? noWorkloads];
      return {
        reads: [mesh.dnsResolvers, services, workloads],
        make: () => resolversIn(mesh.dnsResolvers, services, workloads),
      };
    });
    const resolvers = this.#everyResolver.of(parts.values(), () => joinResolvers(parts.values()));
    const meant = { whole: [mesh, tenants, resolvers, serviceAccounts], own: [inventories, services] };
    const drills = this.#drills.each(drilled, meant, (own) => {
      const context = { mesh, tenants, services: servicesOf(own.namespace), resolvers, serviceAccounts };
      return {
        reads: [own.of('Drill'), ...Object.values(context)],
        make: (problems) => drillsIn(own, context, problems),
      };
    });
    return {
      drills,
      consents,
      expired: consents.values().flatMap(({ expired }) => expired),
      problems: [...consents.problems(), ...drills.problems()],
    };
  }
}

const none: readonly string[] = [];

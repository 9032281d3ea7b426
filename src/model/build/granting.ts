/**
 * The grants in force: what each namespace grants, less what would stand in front of something in the caller's proxies.
 *
 *   drafts of each namespace ──meet in the proxies of their callers──▶ contested addresses ──▶ grants of each namespace
 */
import { Last } from '../last.ts';
import type { Problem } from '../problem.ts';
import type { Grant } from '../snapshot.ts';
import { contestedAddresses, type OwnAddresses, ownAddresses } from './granted-addresses.ts';
import { draftGrants, type GrantDraft, type GrantDrafts, grantsIn, keepDrafts } from './grants.ts';
import type { Ground } from './ground.ts';
import { type Inside, noServices, noWorkloads } from './inside-namespaces.ts';
import type { BuildCounters, Look } from './look.ts';
import type { MomentsOfLook } from './moments.ts';
import { type Built, Part } from './part.ts';

export interface Granted {
  readonly grants: Built<ReadonlyMap<string, Grant>>;
  /** By the service they open, and by the tenant they let in. */
  readonly to: ReadonlyMap<string, readonly Grant[]>;
  readonly from: ReadonlyMap<string, readonly Grant[]>;
  /** Keys of those whose end has passed. */
  readonly expired: readonly string[];
  readonly problems: readonly (readonly Problem[])[];
}

/** Whom grants let in. */
interface Caller {
  readonly namespace: string;
  readonly brought: readonly GrantDraft[];
}

export class GrantsBuilder {
  readonly #drafts: Part<GrantDrafts>;
  readonly #ownAddresses: Part<OwnAddresses>;
  readonly #contested: Part<ReadonlySet<string>>;
  readonly #grants: Part<ReadonlyMap<string, Grant>>;
  readonly #ways = new Last<Pick<Granted, 'to' | 'from'>>();
  readonly #callers = new Last<readonly Caller[]>(undefined, (_, next) => next);

  constructor(counters: BuildCounters) {
    const built = (part: string) => (namespace: string) => counters.built(part, namespace);
    this.#drafts = new Part(built('grantDrafts'), keepDrafts);
    this.#ownAddresses = new Part(built('ownAddresses'));
    this.#contested = new Part(built('contestedAddresses'));
    this.#grants = new Part(built('grants'));
  }

  /** @param moments at which grants are judged dead or alive. */
  of(
    { having, inventories }: Look,
    { mesh: { trustDomain }, tenants, serviceAccounts }: Ground,
    inside: Inside,
    moments: MomentsOfLook,
  ): Granted {
    const servicesOf = (namespace: string) => inside.services.of(namespace)?.byKey ?? noServices;
    const workloadsOf = (namespace: string) => inside.workloads.of(namespace)?.byKey ?? noWorkloads;
    const { services, workloads } = inside;
    const whole = [trustDomain, tenants, serviceAccounts];
    const written = { whole, own: [inventories, services, workloads, moments] };
    const drafts = this.#drafts.each(having('Grant'), written, (own) => {
      const { namespace } = own;
      const [services, workloads] = [servicesOf(namespace), workloadsOf(namespace)];
      const nowMs = moments.of(namespace);
      const context = { trustDomain, tenants, services, workloads, serviceAccounts, nowMs };
      return {
        reads: [own.of('Grant'), ...Object.values(context)],
        make: (problems) => draftGrants(own, context, problems),
      };
    });
    const callers = this.#callers.of([drafts], () => callersOf(drafts.values()));
    const known = this.#ownAddresses.each(
      callers,
      { whole: [callers], own: [services, workloads] },
      ({ namespace }) => {
        const [services, workloads] = [servicesOf(namespace), workloadsOf(namespace)];
        return { reads: [services, workloads], make: () => ownAddresses(services, workloads) };
      },
    );
    const contested = this.#contested.each(callers, { whole: [callers], own: [known] }, ({ namespace, brought }) => {
      const own = known.of(namespace);
      return { reads: [own, ...brought], make: () => contestedAddresses(brought, own) };
    });
    const grants = this.#grants.each(
      having('Grant'),
      { whole: [contested], own: [inventories, drafts] },
      ({ namespace }) => {
        const own = drafts.of(namespace)?.drafts ?? [];
        const contestedOf = ({ grant }: GrantDraft) => contested.of(grant.from.tenant);
        return { reads: [own, ...own.map(contestedOf)], make: (problems) => grantsIn(own, contestedOf, problems) };
      },
    );
    const ways = this.#ways.of(grants.values(), () => {
      const all = grants.values().flatMap((each) => [...each.values()]);
      return {
        to: Map.groupBy(all, ({ to }) => to.service),
        from: Map.groupBy(all, ({ from }) => from.tenant),
      };
    });
    return {
      grants,
      ...ways,
      expired: drafts.values().flatMap(({ expired }) => expired),
      problems: [...drafts.problems(), ...grants.problems()],
    };
  }
}

function callersOf(all: readonly GrantDrafts[]): readonly Caller[] {
  const byCaller = Map.groupBy(
    all.flatMap(({ drafts }) => drafts),
    ({ grant }) => grant.from.tenant,
  );
  return [...byCaller].map(([namespace, brought]) => ({ namespace, brought }));
}

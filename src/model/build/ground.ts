/** What every namespace stands on: the mesh, who owns what, the nodes, the accounts that are known to exist. */
import type { NodeObject } from '../kinds/node.ts';
import { Last } from '../last.ts';
import type { Problem } from '../problem.ts';
import type { Mesh, Tenant } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import { wholeMesh } from './inventories.ts';
import type { Inventory } from './inventory.ts';
import { JoinedSet } from './joined.ts';
import type { BuildCounters, Look } from './look.ts';
import { buildMesh } from './mesh.ts';
import { Part } from './part.ts';
import { serviceAccountsIn } from './service-accounts.ts';
import { buildTenants } from './tenants.ts';

export interface Ground {
  readonly mesh: Mesh;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** By name. */
  readonly nodes: ReadonlyMap<string, NodeObject>;
  /** `namespace/name`. */
  readonly serviceAccounts: ReadonlySet<string>;
  readonly problems: readonly (readonly Problem[])[];
}

export class GroundBuilder {
  readonly #mesh: Part<Mesh | undefined>;
  readonly #tenants: Part<ReadonlyMap<string, Tenant>>;
  readonly #nodes: Part<ReadonlyMap<string, NodeObject>>;
  readonly #accounts: Part<readonly string[]>;
  readonly #services = new Last<readonly ValidObject<'Service'>[]>(undefined, (_, next) => next);
  readonly #everyAccount = new JoinedSet();

  constructor(counters: BuildCounters) {
    const built = (part: string) => (namespace: string) => counters.built(part, namespace);
    this.#mesh = new Part(built('mesh'));
    this.#tenants = new Part(built('tenants'));
    this.#nodes = new Part(built('nodes'));
    this.#accounts = new Part(built('serviceAccounts'));
  }

  /** @returns nothing where there is no `Mesh`, and so no ground to stand on. */
  of(look: Look): Ground | undefined {
    const { inventories, namespaces, cluster } = look;
    const mesh = this.#mesh
      .each([cluster], undefined, () => ({ reads: [cluster.of('Mesh')], make: () => buildMesh(cluster) }))
      .of(wholeMesh);
    if (mesh === undefined) return undefined;

    const services = look.having('Service').map((own) => own.of('Service'));
    const everyService = this.#services.of(services, () => services.flat());
    const whole: Inventory = {
      ...cluster,
      of: (kind) => [cluster, ...namespaces].flatMap((own) => own.of(kind)),
    };
    const tenants = this.#tenants.each([cluster], undefined, () => ({
      reads: [cluster.of('Tenant'), cluster.of('Namespace'), everyService, mesh.privateProviders],
      make: (problems) => buildTenants(whole, mesh.privateProviders, problems),
    }));
    const nodes = this.#nodes.each([cluster], undefined, () => ({
      reads: [cluster.of('Node')],
      make: () => new Map(cluster.of('Node').map(({ ref, object }) => [ref.name, object])),
    }));
    const accounts = this.#accounts.each(namespaces, { whole: [], own: [inventories] }, (own) => ({
      reads: [own.of('ServiceAccount'), own.of('Pod')],
      make: () => serviceAccountsIn(own),
    }));
    return {
      mesh,
      tenants: tenants.of(wholeMesh) ?? noTenants,
      nodes: nodes.of(wholeMesh) ?? noNodes,
      serviceAccounts: this.#everyAccount.of(accounts.values()),
      problems: tenants.problems(),
    };
  }
}

const noTenants: Ground['tenants'] = new Map();
const noNodes: Ground['nodes'] = new Map();

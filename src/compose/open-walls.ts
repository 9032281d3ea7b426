/**
 * What the leader keeps in a cluster: NetworkPolicies and the mesh's ConfigMap in each tenant's namespace, and the policies
 * by which the API server itself holds the volume wall, and gives tokens for us to nodes alone.
 *
 *   snapshot, root, Nodes ──▶ wishes ──▶ a Keeper for each kind ──▶ API server
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Authority } from '../identity/authority.ts';
import { Follower } from '../kube/inform/follower.ts';
import { type HeldObject, ObjectStore, readHeld } from '../kube/inform/object-store.ts';
import { watchClusterDefaults } from '../kube/inform/watch-cluster.ts';
import { meshConfigMap } from '../kube/inject/mesh-config-map.ts';
import { admissionPolicies } from '../kube/keep/admission-policies.ts';
import { Keeper } from '../kube/keep/keeper.ts';
import { keptAdmissionPolicies, keptConfigMaps, keptNetworkPolicies } from '../kube/keep/kept-kind.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Leadership } from '../kube/lease/leadership.ts';
import { NetworkPolicies } from '../kube/network-policies/network-policies.ts';
import { type NodePlace, readNodePlace } from '../kube/network-policies/node-places.ts';
import { blurredProblem, openingProblem } from '../kube/network-policies/policy-problems.ts';
import type { KubeObject, KubeObjects } from '../kube/objects.ts';
import { type Pace, PacedLook } from '../kube/paced-look.ts';
import type { Problem } from '../model/problem.ts';
import { sortProblems } from '../model/problem-list.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { drillClock, systemClock } from '../system-clock.ts';

/** Of the second in which a withdrawal shall bite, a fifth; and a root is renewed without a word. */
const pace: Pace = { gapMs: 200, lastMs: 15_000 };

const nodesPlace = { kind: 'Node', group: '', version: 'v1', plural: 'nodes', isOptional: false } as const;

export interface WallsHost {
  readonly cluster: KubeClient;
  readonly authority: Pick<Authority, 'rootPem'>;
  readonly leadership: Leadership;
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** `problems` is another. */
  problemsChanged(): void;
}

export function openWalls(host: WallsHost, objects: KubeObjects) {
  const { cluster: client, authority, leadership, snapshot, problemsChanged } = host;
  const ports = { client, objects, leadership, options: watchClusterDefaults, changed: problemsChanged };
  const policies = new Keeper(keptNetworkPolicies, ports);
  const configMaps = new Keeper(keptConfigMaps, ports);
  const admission = keptAdmissionPolicies.map((kind) => {
    const keeper = new Keeper(kind, ports);
    keeper.want(admissionPolicies.filter((each) => each.kind === kind.place.kind));
    return keeper;
  });
  const keepers = [policies, configMaps, ...admission];

  let places: readonly NodePlace[] | undefined;
  const nodes = new ObjectStore<NodePlace>();
  const nodeWatch = new Follower<HeldObject<NodePlace>>(
    { place: nodesPlace, read: readHeld(readNodePlace) },
    nodes,
    client,
    watchClusterDefaults,
    () => {
      places = undefined;
      looking.soon();
    },
  );

  const network = new NetworkPolicies();
  let blurred: readonly Problem[] = [];
  const looking = new PacedLook(drillClock, pace, look);
  const endListening = leadership.onChange(() => looking.soon());

  function look(): void {
    const now = snapshot();
    // Without its `Mesh` a cluster says nothing of its tenants either.
    const isRead = now?.problems.every(({ code }) => code !== 'missing-mesh') ?? false;
    if (now === undefined || !isRead || leadership.term() === undefined) return;
    // The workers believe the same root as the sidecars.
    const believers = [systemNamespace, ...now.tenants.keys()];
    configMaps.want(believers.map((namespace) => meshConfigMap(namespace, authority.rootPem)));
    // Without them a kubelet would be shut out.
    if (!nodeWatch.isSynced()) return;
    places ??= nodes.objects();
    const byTenant = network.of(now, places, systemClock.nowMs());
    policies.want([...byTenant.values()].flatMap((tenant) => tenant.policies.map(asObject)));
    blurred = [...byTenant].flatMap(([tenant, each]) =>
      each.blurred.length === 0 ? [] : [blurredProblem(tenant, each.blurred)],
    );
    problemsChanged();
  }

  /** What others open beside what is ours, where it is a tenant's. */
  function openings(): readonly Problem[] {
    const tenants = snapshot()?.tenants;
    return policies.others().flatMap(({ key, content }) => {
      const [namespace = '', name = ''] = key.split('/');
      return tenants?.has(namespace) === true ? (openingProblem({ namespace, name, spec: content['spec'] }) ?? []) : [];
    });
  }

  return {
    problems: (): readonly Problem[] => [
      ...nodeWatch.problems(),
      ...keepers.flatMap((keeper) => keeper.problems()),
      ...(leadership.term() === undefined ? [] : sortProblems([...blurred, ...openings()])),
    ],
    lookAgain: () => looking.soon(),
    async close() {
      endListening();
      nodeWatch.close();
      for (const keeper of keepers) keeper.close();
      await looking.close();
    },
  };
}

/** By its fields; an interface says nothing of others, and an object of a cluster may have any. */
function asObject(object: object & Pick<KubeObject, 'metadata'>): KubeObject {
  return object as KubeObject;
}

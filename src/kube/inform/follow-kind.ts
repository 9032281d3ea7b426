/** Follows one kind of the mesh in a cluster, and holds what of it is in force. */
import type { Problem } from '../../model/problem.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { KubeClient } from '../kube-client.ts';
import { type ClusterItem, readClusterItem } from './cluster-item.ts';
import { Follower, type InformOptions } from './follower.ts';
import { KindStore } from './kind-store.ts';
import type { Resource } from './resource.ts';

export class KindFollower {
  readonly #store = new KindStore();
  readonly #follower: Follower<ClusterItem>;

  /** @param changed called after anything that the methods tell has changed. */
  constructor(resource: Resource, client: KubeClient, options: InformOptions, changed: () => void) {
    const followed = { place: resource, read: (raw: unknown) => readClusterItem(resource, raw) };
    this.#follower = new Follower(followed, this.#store, client, options, changed);
  }

  isSynced(): boolean {
    return this.#follower.isSynced();
  }

  objects(): readonly SourcedObject[] {
    return this.#store.objects();
  }

  problems(): readonly Problem[] {
    return [...this.#follower.problems(), ...this.#store.problems()];
  }

  close(): void {
    this.#follower.close();
  }
}

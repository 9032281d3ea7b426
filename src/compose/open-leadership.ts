/**
 * Who leads: elected among the replicas of a cluster, and without one the only replica there is.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { KubeClient } from '../kube/kube-client.ts';
import { elect, type OpenElection } from '../kube/lease/elect.ts';
import { onlyReplica } from '../kube/lease/only-replica.ts';
import { isNewMesh } from '../kube/secrets/is-new-mesh.ts';

export interface LeadershipHost {
  /** Where the mesh is read from a cluster. */
  readonly cluster: KubeClient | undefined;
  /** As `--replica` says. */
  readonly name: string;
  /** Where its peers reach this replica, `ADDRESS:PORT`. */
  readonly address: string | undefined;
  readonly log: Logger;
}

/** To be closed last: what acts under the term must have stopped when the Lease is given back. */
export function openLeadership({ cluster, name, address, log }: LeadershipHost): OpenElection {
  if (cluster === undefined) return { ...onlyReplica(name), close: () => Promise.resolve() };
  return elect({
    ...{ client: cluster, name, address, isNewMesh: (signal) => isNewMesh(cluster, signal) },
    report(event) {
      if (event.kind === 'troubled') log.warn({ why: event.message }, 'the lease of the leader cannot be had');
      else log.info({ term: event.term }, event.kind === 'began' ? 'this replica leads' : 'this replica leads no more');
    },
  });
}

/** EDS: where the ready endpoints of each service port are. Their own resources, so that a pod that comes or goes moves nothing else. */
import { create } from '@bufbuild/protobuf';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { hasServers } from '../policy/outbound-view.ts';
import type { OutboundPort } from '../policy/view.ts';
import { tcpAddress } from './address.ts';
import { byLocality } from './locality.ts';
import { authzCluster, evidenceCluster, serviceCluster } from './names.ts';
import type { Platform } from './platform.ts';
import { type EnvoyResource, resource } from './resource.ts';

/** Of the cluster that the bootstrap leaves open, so that the control plane may move and no proxy be started anew. */
export function evidenceEndpoint({ address, port }: Platform['evidence']): EnvoyResource {
  const value = { address: tcpAddress(address, port) };
  return resource(
    ClusterLoadAssignmentSchema,
    evidenceCluster,
    create(ClusterLoadAssignmentSchema, {
      clusterName: evidenceCluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value } }] }],
    }),
  );
}

/** Of the authorization workers. Without one the assignment is empty, and every request that needs a verdict is answered 503. */
export function workersAssignment(authz: Platform['authz']): EnvoyResource {
  const lbEndpoints = authz.map(({ address, port }) => ({
    hostIdentifier: { case: 'endpoint' as const, value: { address: tcpAddress(address, port) } },
  }));
  const assignment = create(ClusterLoadAssignmentSchema, {
    clusterName: authzCluster,
    endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }],
  });
  return resource(ClusterLoadAssignmentSchema, authzCluster, assignment);
}

/** A service without a ready endpoint has an empty assignment, not none: Envoy waits for one and would hold the cluster back. */
export function loadAssignment(outbound: OutboundPort): readonly EnvoyResource[] {
  if (!hasServers(outbound)) return [];
  const clusterName = serviceCluster(outbound);
  const endpoints = [...byLocality(outbound.endpoints)];
  const assignment = create(ClusterLoadAssignmentSchema, { clusterName, endpoints });
  return [resource(ClusterLoadAssignmentSchema, clusterName, assignment)];
}

/** EDS: where the ready endpoints of each service port are. Their own resources, so that a pod that comes or goes moves nothing else. */
import { create } from '@bufbuild/protobuf';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { backendsOf, type OutboundPort, type ProxyView } from '../policy/view.ts';
import { tcpAddress } from './address.ts';
import { byLocality } from './locality.ts';
import { evidenceCluster, serviceCluster } from './names.ts';
import type { Platform } from './platform.ts';
import { type EnvoyResource, resource } from './resource.ts';

export function endpointsOf(view: ProxyView, { evidence }: Platform): readonly EnvoyResource[] {
  return [...backendsOf(view).map(loadAssignment), evidenceEndpoint(evidence)];
}

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

/** A service without a ready endpoint has an empty assignment, not none: Envoy waits for one and would hold the cluster back. */
function loadAssignment(outbound: OutboundPort): EnvoyResource {
  const clusterName = serviceCluster(outbound);
  return resource(
    ClusterLoadAssignmentSchema,
    clusterName,
    create(ClusterLoadAssignmentSchema, {
      clusterName,
      endpoints: [...byLocality(outbound.endpoints)],
    }),
  );
}

/**
 * Requests as they come off the wire, hostile until read: bytes in, a value or the reason they are not one out.
 * Of the node only what names the client and its abilities is handed on: the rest may be megabytes, and would stay.
 */
import { fromBinary } from '@bufbuild/protobuf';
import type { Node } from '#gen/envoy/config/core/v3/base_pb.js';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Status } from '#gen/google/rpc/status_pb.js';
import type { DeltaRequest } from './delta.ts';
import {
  clientFeatures,
  nackMessageMax,
  nodeNameUnitsMax,
  nonceUnitsMax,
  requestBytesMax,
  typeUrlUnitsMax,
} from './limits.ts';
import type { ClientNode } from './ports.ts';
import type { XdsRequest } from './protocol.ts';
import type { SotwRequest } from './sotw.ts';
import type { NackCause } from './type-state.ts';

export type Decoded<R extends XdsRequest> =
  | { readonly kind: 'ok'; readonly request: R; readonly node: ClientNode | undefined }
  | { readonly kind: 'too-large'; readonly bytes: number }
  /** `why` is a sentence for the caller. */
  | { readonly kind: 'malformed'; readonly why: string };

export function decodeSotwRequest(bytes: Uint8Array): Decoded<SotwRequest> {
  return guarded(bytes, () => {
    const { typeUrl, resourceNames, versionInfo, responseNonce, errorDetail, node } = fromBinary(
      DiscoveryRequestSchema,
      bytes,
    );
    const request: SotwRequest = {
      typeUrl,
      names: resourceNames,
      version: versionInfo,
      nonce: responseNonce.slice(0, nonceUnitsMax),
      error: causeOf(errorDetail),
      namesCount: resourceNames.length,
    };
    return bounded(request, node);
  });
}

export function decodeDeltaRequest(bytes: Uint8Array): Decoded<DeltaRequest> {
  return guarded(bytes, () => {
    const message = fromBinary(DeltaDiscoveryRequestSchema, bytes);
    const initialVersions = new Map(Object.entries(message.initialResourceVersions));
    const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe } = message;
    const request: DeltaRequest = {
      typeUrl: message.typeUrl,
      subscribe,
      unsubscribe,
      initialVersions,
      nonce: message.responseNonce.slice(0, nonceUnitsMax),
      error: causeOf(message.errorDetail),
      namesCount: subscribe.length + unsubscribe.length + initialVersions.size,
    };
    return bounded(request, message.node);
  });
}

function guarded<R extends XdsRequest>(bytes: Uint8Array, decode: () => Decoded<R>): Decoded<R> {
  if (bytes.length > requestBytesMax) return { kind: 'too-large', bytes: bytes.length };
  try {
    return decode();
  } catch {
    return { kind: 'malformed', why: 'request is not a discovery request' };
  }
}

function bounded<R extends XdsRequest>(request: R, node: Node | undefined): Decoded<R> {
  if (request.typeUrl === '') return { kind: 'malformed', why: 'type_url is missing' };
  if (request.typeUrl.length > typeUrlUnitsMax) return { kind: 'malformed', why: 'type_url is too long' };
  if (node === undefined) return { kind: 'ok', request, node };
  const { id, cluster } = node;
  if (Math.max(id.length, cluster.length) > nodeNameUnitsMax) {
    return { kind: 'malformed', why: 'node id or cluster is too long' };
  }
  const features = node.clientFeatures.slice(0, clientFeatures.max);
  const known = features.filter(({ length }) => length <= clientFeatures.unitsMax);
  return { kind: 'ok', request, node: { id, cluster, clientFeatures: known } };
}

function causeOf(error: Status | undefined): NackCause | undefined {
  return error === undefined ? undefined : { code: error.code, message: error.message.slice(0, nackMessageMax) };
}

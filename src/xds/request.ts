/**
 * Requests as they come off the wire, hostile until read: bytes in, a value or the reason they are not one out.
 * Of the node only what the composition root needs to judge the caller is handed on.
 */
import { fromBinary } from '@bufbuild/protobuf';
import type { Node } from '#gen/envoy/config/core/v3/base_pb.js';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Status } from '#gen/google/rpc/status_pb.js';
import type { DeltaRequest } from './delta.ts';
import { nackMessageMax, requestBytesMax } from './limits.ts';
import type { XdsRequest } from './protocol.ts';
import type { SotwRequest } from './sotw.ts';
import type { NackCause } from './type-state.ts';

export type Decoded<R extends XdsRequest> =
  | { readonly kind: 'ok'; readonly request: R; readonly node: Node | undefined }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'malformed' };

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
      nonce: responseNonce,
      error: causeOf(errorDetail),
      namesCount: resourceNames.length,
    };
    return { kind: 'ok', request, node };
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
      nonce: message.responseNonce,
      error: causeOf(message.errorDetail),
      namesCount: subscribe.length + unsubscribe.length + initialVersions.size,
    };
    return { kind: 'ok', request, node: message.node };
  });
}

function guarded<R extends XdsRequest>(bytes: Uint8Array, decode: () => Decoded<R>): Decoded<R> {
  if (bytes.length > requestBytesMax) return { kind: 'too-large', bytes: bytes.length };
  try {
    return decode();
  } catch {
    return { kind: 'malformed' };
  }
}

function causeOf(error: Status | undefined): NackCause | undefined {
  return error === undefined ? undefined : { code: error.code, message: error.message.slice(0, nackMessageMax) };
}

/**
 * grpc.health.v1.Health over a HealthState: what Envoy's `grpc_health_check`, Kubernetes' gRPC probes and
 * grpc-health-probe ask. Source: grpc/grpc-proto, grpc/health/v1/health.proto.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from '#gen/grpc/health/v1/health_pb.js';
import type { LeanMethod, LeanStatus } from '../grpc/lean-method.ts';
import type { HealthState, HealthStatus } from './health-status.ts';
import { healthWatchersMax } from './limits.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

/** @param services names one may ask about, beside '' for the whole server. */
export function healthMethods(
  state: HealthState,
  services: readonly string[],
): { readonly check: LeanMethod; readonly watch: LeanMethod } {
  const known = (service: string): boolean => service === '' || services.includes(service);
  return {
    check: {
      kind: 'unary',
      answer(message) {
        const service = serviceIn(message);
        if (service === undefined) return unreadable;
        if (!known(service)) return refusal(status.NOT_FOUND, 'no such service');
        return { kind: 'message', bytes: response(servingStatus(state.status)) };
      },
    },

    watch: {
      kind: 'watch',
      watch(message, tell) {
        const service = serviceIn(message);
        if (service === undefined) return unreadable;
        if (state.watchers >= healthWatchersMax) return refusal(status.RESOURCE_EXHAUSTED, 'too many health watchers');
        const isKnown = known(service);
        const hear = (now: HealthStatus): void => tell(response(isKnown ? servingStatus(now) : SERVICE_UNKNOWN));
        // A name that is not known today may be watched all the same; what it hears never changes.
        const end = state.watch(isKnown ? hear : () => {});
        hear(state.status);
        return { kind: 'watching', end };
      },
    },
  };
}

function serviceIn(message: Buffer): string | undefined {
  try {
    return fromBinary(HealthCheckRequestSchema, message).service;
  } catch {
    return undefined; // the decoder has no other way to say it
  }
}

function refusal(code: status, details: string): LeanStatus {
  return { kind: 'status', code, details };
}

const unreadable = refusal(status.INVALID_ARGUMENT, 'it is no HealthCheckRequest');

function servingStatus(now: HealthStatus): HealthCheckResponse_ServingStatus {
  return now === 'serving' ? SERVING : NOT_SERVING;
}

function response(servingStatus: HealthCheckResponse_ServingStatus): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status: servingStatus }));
}

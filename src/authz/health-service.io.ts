/**
 * grpc.health.v1.Health over a HealthState: what Envoy's `grpc_health_check`, Kubernetes' gRPC probes and
 * grpc-health-probe ask. Source: grpc/grpc-proto, grpc/health/v1/health.proto.
 */
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import {
  type Health,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from '#gen/grpc/health/v1/health_pb.js';
import type { ServiceHandlers } from '../grpc/service-definition.ts';
import type { HealthState, HealthStatus } from './health-status.ts';
import { healthWatchersMax } from './limits.ts';

/** Health is asked rarely: plain messages do. */
export const healthForms = {
  check: { request: 'decoded', response: 'decoded' },
  watch: { request: 'decoded', response: 'decoded' },
} as const;

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

/** @param services names one may ask about, beside '' for the whole server. */
export function healthHandlers(
  state: HealthState,
  services: readonly string[],
): ServiceHandlers<typeof Health, typeof healthForms> {
  const known = (service: string): boolean => service === '' || services.includes(service);
  return {
    check(call, callback) {
      if (known(call.request.service)) callback(null, response(servingStatus(state.status)));
      else callback({ code: status.NOT_FOUND, details: 'no such service' });
    },

    watch(call) {
      if (state.watchers >= healthWatchersMax) {
        call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'too many health watchers' });
        return;
      }
      const isKnown = known(call.request.service);
      const tell = (now: HealthStatus): void => {
        call.write(response(isKnown ? servingStatus(now) : SERVICE_UNKNOWN));
      };
      // A name that is not known today may be watched all the same; what it hears never changes.
      const end = state.watch(isKnown ? tell : () => {});
      call.on('cancelled', end);
      tell(state.status);
    },
  };
}

function servingStatus(now: HealthStatus): HealthCheckResponse_ServingStatus {
  return now === 'serving' ? SERVING : NOT_SERVING;
}

function response(servingStatus: HealthCheckResponse_ServingStatus) {
  return create(HealthCheckResponseSchema, { status: servingStatus });
}

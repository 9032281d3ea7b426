/**
 * envoy.service.auth.v3.Authorization and grpc.health.v1.Health, ready to be added to a gRPC server.
 *
 *   createAuthzService({ judge, … }).addTo(server) ──▶ setPhase('ready') ──▶ … ──▶ setPhase('draining')
 *
 * The judge is asked from `ready` on. Before that, health is NOT_SERVING and every check is UNAVAILABLE; while stale or
 * draining, health is NOT_SERVING, and the checks that still come are judged as ever: a stale judge says so by itself.
 */
import { type Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js';
import { Authorization } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { Health } from '#gen/grpc/health/v1/health_pb.js';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { peerOf } from '../grpc/peer.ts';
import { type CheckAnswer, type CheckerOptions, type CheckPeer, createChecker } from './checker.ts';
import { healthForms, healthHandlers } from './health-service.io.ts';
import { HealthState } from './health-status.ts';

export type ServicePhase = 'starting' | 'ready' | 'stale' | 'draining';

export interface AuthzService {
  addTo(server: Pick<GrpcServer, 'addService'>): void;
  setPhase(phase: ServicePhase): void;
}

export function createAuthzService(options: CheckerOptions): AuthzService {
  const check = createChecker(options);
  const health = new HealthState();
  let phase: ServicePhase = 'starting';

  return {
    addTo(server) {
      server.addService(Health, healthForms, healthHandlers(health, [Authorization.typeName]));
      server.addService(
        Authorization,
        { check: { request: 'raw', response: 'raw' } },
        {
          check(call, callback) {
            const { buffer, byteOffset, byteLength } = call.request;
            const answer =
              phase === 'starting'
                ? ({ kind: 'unavailable', why: 'no policy yet' } as const)
                : check(Buffer.from(buffer, byteOffset, byteLength), checkPeer(call));
            const reply = (given: CheckAnswer): void => {
              if (given.kind === 'response') callback(null, given.bytes);
              else callback({ code: status.UNAVAILABLE, details: given.why });
            };
            if (answer instanceof Promise) void answer.then(reply);
            else reply(answer);
          },
        },
      );
    },

    setPhase(next) {
      phase = next;
      health.set(next === 'ready' ? 'serving' : 'not-serving');
    },
  };
}

function checkPeer(call: ServerUnaryCall<unknown, unknown>): CheckPeer {
  const peer = peerOf(call);
  const traceparent = traceparentOf(call.metadata);
  return {
    ...{ address: call.getPeer(), spiffeUris: peer.kind === 'certificate' ? peer.spiffeUris : [] },
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** The proxy's own, in the call's metadata: the one among the request's headers is the caller's, who could make spans at will. */
function traceparentOf(metadata: Metadata): string | undefined {
  const [traceparent] = metadata.get('traceparent');
  return typeof traceparent === 'string' && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
    ? traceparent
    : undefined;
}

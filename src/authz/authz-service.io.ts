/**
 * envoy.service.auth.v3.Authorization and grpc.health.v1.Health, ready to be added to a gRPC server.
 *
 *   createAuthzService({ judge, … }).addTo(server) ──▶ setPhase('ready') ──▶ … ──▶ setPhase('draining')
 *
 * The judge is asked from `ready` on. Before that, health is NOT_SERVING and every check is UNAVAILABLE; while stale or
 * draining, health is NOT_SERVING, and the checks that still come are judged as ever: a stale judge says so by itself.
 * Envoy asks for health seldom, so while draining each answer says beside its verdict that the next check belongs elsewhere.
 */
import { status } from '@grpc/grpc-js';
import { Authorization } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { Health } from '#gen/grpc/health/v1/health_pb.js';
import type { LeanAnswer, LeanCall } from '../grpc/lean-method.ts';
import type { LeanServer } from '../grpc/lean-server.ts';
import { type CheckAnswer, type CheckerOptions, type CheckPeer, createChecker } from './checker.ts';
import { healthMethods } from './health-service.io.ts';
import { HealthState } from './health-status.ts';

/**
 * On any answer, it makes Envoy take the host for unhealthy at once, until a health check of its own says otherwise.
 * Source: Envoy's documentation, HTTP header `x-envoy-immediate-health-check-fail`.
 */
const askElsewhere = { 'x-envoy-immediate-health-check-fail': 'true' };

export type ServicePhase = 'starting' | 'ready' | 'stale' | 'draining';

export interface AuthzService {
  addTo(server: Pick<LeanServer, 'addMethod'>): void;
  setPhase(phase: ServicePhase): void;
}

export function createAuthzService(options: CheckerOptions): AuthzService {
  const check = createChecker(options);
  const health = new HealthState();
  let phase: ServicePhase = 'starting';
  const reply = (answer: CheckAnswer): LeanAnswer => {
    const told = replyOf(answer);
    return phase === 'draining' && told.kind === 'message' ? { ...told, headers: askElsewhere } : told;
  };

  return {
    addTo(server) {
      const { check: healthCheck, watch } = healthMethods(health, [Authorization.typeName]);
      server.addMethod(Health.method.check, healthCheck);
      server.addMethod(Health.method.watch, watch);
      server.addMethod(Authorization.method.check, {
        kind: 'unary',
        answer(message, call) {
          if (phase === 'starting') return replyOf({ kind: 'unavailable', why: 'no policy yet' });
          const answer = check(message, checkPeer(call));
          return answer instanceof Promise ? answer.then(reply) : reply(answer);
        },
      });
    },

    setPhase(next) {
      phase = next;
      health.set(next === 'ready' ? 'serving' : 'not-serving');
    },
  };
}

function replyOf(answer: CheckAnswer): LeanAnswer {
  return answer.kind === 'response'
    ? { kind: 'message', bytes: answer.bytes }
    : { kind: 'status', code: status.UNAVAILABLE, details: answer.why };
}

function checkPeer(call: LeanCall): CheckPeer {
  const { address, peer } = call;
  const traceparent = traceparentOf(call);
  return {
    ...{ address, spiffeUris: peer.kind === 'certificate' ? peer.spiffeUris : [] },
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** The proxy's own, in the call's metadata: the one among the request's headers is the caller's, who could make spans at will. */
function traceparentOf(call: LeanCall): string | undefined {
  const traceparent = call.header('traceparent');
  return traceparent !== undefined && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
    ? traceparent
    : undefined;
}

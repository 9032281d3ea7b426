/**
 * The armed fault: behind every rule, verdict and seal, directly before the router, at 0 % until a drill says otherwise.
 *
 *   rbac ──▶ ext_authz ──▶ seal ──▶ fault ──▶ router        a request that it strikes was allowed, and one it spares too
 *
 * The filter itself holds nothing, so that no header and no global runtime key can move it. A fault stands on the route
 * of one caller, chosen by the identity that Envoy itself took from the certificate; its shares are runtime keys.
 */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { type HeaderMatcher, HeaderMatcherSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { FractionalPercent_DenominatorType as Denominator } from '#gen/envoy/type/v3/percent_pb.js';
import type { ArmedCaller } from '../policy/arming.ts';
import { faultKeys } from './drill-keys.ts';
import { durationOf, pack } from './resource.ts';
import { suffix } from './string-match.ts';

/** Name of the filter; routes address their fault by it. */
export const faultName = 'envoy.filters.http.fault';

export function faultFilter(): HttpFilter {
  const value = pack(HTTPFaultSchema, create(HTTPFaultSchema));
  return create(HttpFilterSchema, { name: faultName, configType: { case: 'typedConfig', value } });
}

/** @param port of the application. */
export function armedFault(port: number, { tenant, serviceAccount }: ArmedCaller): Any {
  const keys = faultKeys(port, tenant, serviceAccount);
  const never = { numerator: 0, denominator: Denominator.HUNDRED };
  const fault = create(HTTPFaultSchema, {
    abort: { errorType: { case: 'httpStatus', value: 503 }, percentage: never },
    // Envoy takes no delay of nothing; the runtime key says how long.
    delay: { faultDelaySecifier: { case: 'fixedDelay', value: durationOf(1) }, percentage: never },
    abortPercentRuntime: keys.abortPercent,
    abortHttpStatusRuntime: keys.abortStatus,
    delayPercentRuntime: keys.delayPercent,
    delayDurationRuntime: keys.delayMs,
    maxActiveFaultsRuntime: keys.maxActive,
  });
  return pack(HTTPFaultSchema, fault);
}

/**
 * Requests of exactly this caller. The header is Envoy's own, as the connection manager replaces what a client sent: it
 * ends with the identity in the certificate, and no identity holds a `;`.
 */
export function callerIs({ spiffeId }: ArmedCaller): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name: 'x-forwarded-client-cert',
    headerMatchSpecifier: { case: 'stringMatch', value: suffix(`;URI=${spiffeId}`) },
  });
}

/**
 * Endpoints in a form that can be compared: Envoy's dump is not what was sent, but what it made of it, host by host.
 *
 * One line for each host, sorted. Health is left out: it is what this proxy found, and nobody sent it.
 */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { isObject } from './json.ts';

const endpointsTypeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

/** @param value in protobuf's own JSON names. */
export function comparableEndpoints(typeUrl: string, value: JsonValue): JsonValue {
  if (typeUrl !== endpointsTypeUrl || !isObject(value)) return value;
  const hosts = list(value['endpoints']).flatMap((group) =>
    list(group['lbEndpoints']).map((host) => hostLine(group, host)),
  );
  return { cluster: value['clusterName'] ?? '', hosts: hosts.sort() };
}

function hostLine(group: JsonObject, host: JsonObject): string {
  const { region = '', zone = '', subZone = '' } = member(group, 'locality');
  const { address = '', portValue = 0, path = '' } = socketOf(member(host, 'endpoint'));
  const where = `${region}/${zone}/${subZone}`;
  return `${address}${path}:${portValue} in ${where}, priority ${group['priority'] ?? 0}, weight ${host['loadBalancingWeight'] ?? 1}`;
}

function socketOf(endpoint: JsonObject): JsonObject {
  const address = member(endpoint, 'address');
  return { ...member(address, 'socketAddress'), ...member(address, 'pipe') };
}

function member(value: JsonObject, name: string): JsonObject {
  const found = value[name];
  return isObject(found) ? found : {};
}

function list(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/**
 * Oracles of what must hold whatever fails; each looks at what arrived or at what Envoy holds, never at what was meant.
 *
 *   unauthorised       requests that an application saw and no allow record names
 *   strangers          connections that an application accepted from anybody but its own sidecar
 *   workingResources   what an Envoy serves with: none of it may go away because of a fault
 */
import type { DecisionRecord } from '../../src/authz/observer.ts';
import type { AppConnection, AppRequest } from '../../src/lab/app-process.ts';
import type { EnvoyProcess } from '../../src/lab/envoy-process.ts';
import type { MeshLab } from '../../src/lab/mesh-lab.ts';
import { jsonLines } from './steady.ts';

/** Every decision of every worker that ran, in order; lines that count losses are left out. */
export function decisions(mesh: MeshLab): readonly DecisionRecord[] {
  return jsonLines<DecisionRecord>(mesh.decisionsPath).filter((line) => 'id' in line);
}

/**
 * Under `everyRequest`: requests without an allow record of their id. Poll for none: a record is written beside its
 * answer, not before it.
 */
export function unauthorised(mesh: MeshLab): readonly AppRequest[] {
  const allowed = new Set(decisions(mesh).flatMap(({ id, verdict }) => (verdict === 'allow' ? [id] : [])));
  const members = mesh.pods().filter(({ intercepted }) => intercepted);
  return members.flatMap(({ app }) => app.requests()).filter(({ id }) => !allowed.has(id));
}

const loopback = ['127.0.0.1', '::ffff:127.0.0.1', '::1'];

export function strangers(mesh: MeshLab): readonly AppConnection[] {
  const members = mesh.pods().filter(({ intercepted }) => intercepted);
  return members.flatMap(({ app }) => app.connections()).filter(({ peer }) => !loopback.includes(peer));
}

interface ConfigDump {
  readonly configs: readonly {
    readonly dynamic_listeners?: readonly { readonly name: string; readonly active_state?: unknown }[];
    readonly dynamic_active_clusters?: readonly { readonly cluster: { readonly name: string } }[];
    readonly dynamic_route_configs?: readonly { readonly route_config: { readonly name: string } }[];
    readonly dynamic_active_secrets?: readonly { readonly name: string }[];
  }[];
}

/** As `listener NAME`, `cluster NAME`, `route NAME`, `secret NAME`, sorted. */
export async function workingResources(envoy: EnvoyProcess): Promise<readonly string[]> {
  const { configs } = (await envoy.configDump()) as ConfigDump;
  return configs
    .flatMap((dump) => [
      ...(dump.dynamic_listeners ?? []).filter((each) => 'active_state' in each).map(({ name }) => `listener ${name}`),
      ...(dump.dynamic_active_clusters ?? []).map(({ cluster }) => `cluster ${cluster.name}`),
      ...(dump.dynamic_route_configs ?? []).map(({ route_config }) => `route ${route_config.name}`),
      ...(dump.dynamic_active_secrets ?? []).map(({ name }) => `secret ${name}`),
    ])
    .sort();
}

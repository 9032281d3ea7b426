/**
 * What a proxy holds, read from its own config dump: a pure function of a text that anybody may have written.
 *
 *   /config_dump?include_eds ──heldResources──▶ one entry per resource, its versions and times left behind
 *
 * Of endpoints only those are read that were pushed as such (EDS): the others are part of their cluster, or what a resolver
 * said last.
 */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { typeUrls } from '../xds/type-url.ts';
import { canonical, type HeldResource } from './held-resource.ts';
import { isObject, parseJson } from './json.ts';

/** The question whose answer this reads. */
export const configDumpPath = '/config_dump?include_eds';

type State = HeldResource['state'];

interface Section {
  readonly typeUrl: string;
  /** Field of the dump with a list of entries; where in an entry the resource stands; what it is to the proxy. */
  readonly lists: readonly (readonly [field: string, path: readonly string[], state: State])[];
}

/** By the dump's own type. Source: envoy/admin/v3/config_dump.proto. */
const sections: Readonly<Record<string, Section>> = {
  ListenersConfigDump: {
    typeUrl: typeUrls.listener,
    lists: [
      ['dynamic_listeners', ['active_state', 'listener'], 'active'],
      ['dynamic_listeners', ['warming_state', 'listener'], 'warming'],
      ['static_listeners', ['listener'], 'static'],
    ],
  },
  ClustersConfigDump: {
    typeUrl: typeUrls.cluster,
    lists: [
      ['dynamic_active_clusters', ['cluster'], 'active'],
      ['dynamic_warming_clusters', ['cluster'], 'warming'],
      ['static_clusters', ['cluster'], 'static'],
    ],
  },
  RoutesConfigDump: { typeUrl: typeUrls.route, lists: [['dynamic_route_configs', ['route_config'], 'active']] },
  SecretsConfigDump: {
    typeUrl: typeUrls.secret,
    lists: [
      ['dynamic_active_secrets', ['secret'], 'active'],
      ['dynamic_warming_secrets', ['secret'], 'warming'],
      ['static_secrets', ['secret'], 'static'],
    ],
  },
  EndpointsConfigDump: {
    typeUrl: typeUrls.endpoints,
    lists: [
      ['dynamic_endpoint_configs', ['endpoint_config'], 'active'],
      // Of a cluster of the bootstrap that asks for them.
      ['static_endpoint_configs', ['endpoint_config'], 'active'],
    ],
  },
  EcdsConfigDump: { typeUrl: typeUrls.extension, lists: [['ecds_filters', ['ecds_filter'], 'active']] },
};

/** @returns undefined where the text is no config dump. */
export function heldResources(text: string): readonly HeldResource[] | undefined {
  const dump = parseJson(text);
  if (!isObject(dump) || !Array.isArray(dump['configs'])) return undefined;
  const held = dump['configs'].filter(isObject).flatMap((part) => {
    const section = sections[String(part['@type']).replace('type.googleapis.com/envoy.admin.v3.', '')];
    return section === undefined ? [] : heldIn(part, section);
  });
  const pushed = new Set(held.flatMap(endpointsOf));
  return held.filter(({ typeUrl, name }) => typeUrl !== typeUrls.endpoints || pushed.has(name));
}

/** Under what name a cluster asks for its endpoints, if it does. */
function endpointsOf({ typeUrl, name, content }: HeldResource): readonly string[] {
  if (typeUrl !== typeUrls.cluster || !isObject(content) || content['type'] !== 'EDS') return [];
  const { edsClusterConfig } = content;
  const serviceName = isObject(edsClusterConfig) ? edsClusterConfig['serviceName'] : undefined;
  return [typeof serviceName === 'string' ? serviceName : name];
}

function heldIn(part: JsonObject, { typeUrl, lists }: Section): readonly HeldResource[] {
  return lists.flatMap(([field, path, state]) => {
    const entries = part[field];
    return Array.isArray(entries) ? entries.flatMap((entry) => held(entry, path, typeUrl, state)) : [];
  });
}

function held(entry: JsonValue, path: readonly string[], typeUrl: string, state: State): readonly HeldResource[] {
  const json = path.reduce<JsonValue | undefined>((value, name) => (isObject(value) ? value[name] : undefined), entry);
  if (!isObject(json)) return [];
  // A secret that was never delivered stands in the dump by the name of who waits for it.
  const name = json['name'] ?? json['cluster_name'] ?? '';
  return [{ typeUrl, name: String(name), state, content: canonical(typeUrl, json) }];
}

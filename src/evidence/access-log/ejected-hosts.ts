/**
 * Which endpoints a proxy has taken out of its load balancing, as its own admin interface says: a text that anybody may
 * have written.
 * Source: envoy/admin/v3/clusters.proto, as JSON; `failed_outlier_check`.
 */
import { cutText } from './cut-text.ts';

/** The question whose answer this reads. */
export const clustersPath = '/clusters?format=json';

export interface Host {
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
}

export interface Hosts {
  /** By key; see `hostKey`. */
  readonly ejected: ReadonlyMap<string, Host>;
  /** Keys of all of them. */
  readonly all: ReadonlySet<string>;
}

/** Longest answer that is read, in characters: that of a proxy with some ten thousand endpoints. */
const answerLengthMax = 16 * 1_024 * 1_024;
/** Most ejected endpoints that are kept of one proxy: one that lies can tell of so many a second, and no more. */
const ejectedMax = 200;
/** Longest name of a cluster, or address, in characters. */
const nameLengthMax = 512;
const portMax = 65_535;

/** @returns undefined where the text is no such answer. */
export function ejectedHosts(text: string): Hosts | undefined {
  const answer = text.length > answerLengthMax ? undefined : parsed(text);
  if (answer === undefined) return undefined;
  const ejected = new Map<string, Host>();
  const all = new Set<string>();
  for (const cluster of list(answer['cluster_statuses'])) {
    for (const status of list(cluster['host_statuses'])) {
      const host = hostOf(cluster['name'], member(member(status, 'address'), 'socket_address'));
      if (host === undefined) continue;
      const key = hostKey(host);
      all.add(key);
      const isEjected = member(status, 'health_status')['failed_outlier_check'] === true;
      if (isEjected && ejected.size < ejectedMax) ejected.set(key, host);
    }
  }
  return { ejected, all };
}

function hostKey({ cluster, address, port }: Host): string {
  return JSON.stringify([cluster, address, port]);
}

function hostOf(cluster: unknown, { address, port_value: port }: Json): Host | undefined {
  if (typeof cluster !== 'string' || typeof address !== 'string') return undefined;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > portMax) return undefined;
  return { cluster: cutText(cluster, nameLengthMax), address: cutText(address, nameLengthMax), port };
}

type Json = Readonly<Record<string, unknown>>;

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function member(value: Json, name: string): Json {
  const found = value[name];
  return isObject(found) ? found : {};
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

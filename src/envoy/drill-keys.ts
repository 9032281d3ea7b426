/**
 * The runtime keys that a drill may write, and the values they may have: a fixed list, because by runtime any switch of
 * Envoy could be flipped.
 *
 *   drill ──▶ key and value ──isDrillSetting──▶ the layer `drill`      whatever is not on the list never leaves
 *
 * A key holds names that people chose, so it is judged whole, from its first character to its last: no name can end a key
 * early, begin another or stand in for a part of it, as each form ends in a word of ours and `/` is in no name.
 */

/** Longest key, in characters: two labels, a pod's name of 253 characters, and our words. */
const keyLengthMax = 512;

/** Of a share, in percent; 0 lifts it. */
const share = { min: 0, max: 100 } as const;
/** Of requests or connections under way; 0 lets none through. */
const atOnce = { min: 0, max: 1_000_000 } as const;
const status = { min: 400, max: 599 } as const;
/** A request that waits longer than a minute is lost to everybody. */
const delayMs = { min: 0, max: 60_000 } as const;

interface Form {
  readonly pattern: RegExp;
  readonly min: number;
  readonly max: number;
}

const label = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const subdomain = `${label}(?:[.]${label})*`;
const port = '(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6(?:[0-4][0-9]{3}|5(?:[0-4][0-9]{2}|5(?:[0-2][0-9]|3[0-5]))))';
/** A service port, or that port of one pod; see `serviceCluster`. */
const cluster = `(?:${label}/${label}|pod/${label}/${subdomain})/${port}`;
const edge = `drill[.]in[.]${port}[.]${label}/${subdomain}`;

function form(pattern: string, range: { readonly min: number; readonly max: number }): Form {
  return { pattern: new RegExp(`^${pattern}$`), ...range };
}

const forms: readonly Form[] = [
  form(`circuit_breakers[.]${cluster}[.]default[.]max_(?:requests|connections)`, atOnce),
  form(`${edge}[.](?:abort|delay)_percent`, share),
  form(`${edge}[.]abort_status`, status),
  form(`${edge}[.]delay_ms`, delayMs),
  form(`${edge}[.]max_active`, atOnce),
  form(`drill[.]log[.]${cluster}`, share),
];

/** Of one caller’s breaker towards one cluster. HTTP obeys the first and TCP the second, at once and without a new cluster. */
export function breakerKeys(clusterName: string): { readonly maxRequests: string; readonly maxConnections: string } {
  const thresholds = `circuit_breakers.${clusterName}.default`;
  return { maxRequests: `${thresholds}.max_requests`, maxConnections: `${thresholds}.max_connections` };
}

export interface FaultKeys {
  readonly abortPercent: string;
  readonly abortStatus: string;
  readonly delayPercent: string;
  readonly delayMs: string;
  /** Most requests that the fault holds at once; the others pass. */
  readonly maxActive: string;
}

/** Of one caller at one inbound port. @param portNumber of the application. */
export function faultKeys(portNumber: number, tenant: string, serviceAccount: string): FaultKeys {
  const prefix = `drill.in.${portNumber}.${tenant}/${serviceAccount}`;
  return {
    abortPercent: `${prefix}.abort_percent`,
    abortStatus: `${prefix}.abort_status`,
    delayPercent: `${prefix}.delay_percent`,
    delayMs: `${prefix}.delay_ms`,
    maxActive: `${prefix}.max_active`,
  };
}

/** Share of the requests or connections to one cluster that are told to the control plane one by one, in percent. */
export function edgeLogKey(clusterName: string): string {
  return `drill.log.${clusterName}`;
}

export function isDrillKey(key: string): boolean {
  return formOf(key) !== undefined;
}

/** Whether a drill may write this value to this key. */
export function isDrillSetting(key: string, value: number): boolean {
  const found = formOf(key);
  return found !== undefined && Number.isInteger(value) && value >= found.min && value <= found.max;
}

function formOf(key: string): Form | undefined {
  return key.length > keyLengthMax ? undefined : forms.find(({ pattern }) => pattern.test(key));
}

/** Logs of one JSON value a line, read whole; a last line that is still being written is left for the next look. */
import { readFileSync } from 'node:fs';

/** A connection's or request's line in a sidecar's access log; see src/envoy/access-log.ts. */
export interface AccessLine {
  readonly log: 'connection' | 'request';
  readonly listener: string;
  readonly source: string;
  readonly destination: string;
  readonly sni: string | null;
  readonly flags: string | null;
  readonly details: string | null;
  readonly tls_failure: string | null;
  readonly path?: string;
  readonly decision?: string;
}

/** A line of the control plane's log: the fields that the demo reads. */
export interface ControlLine {
  readonly msg: string;
  readonly time: string;
  readonly key?: string;
  readonly typeUrl?: string;
  readonly resources?: number;
  readonly problem?: string;
  readonly code?: string;
  readonly where?: { readonly file: string; readonly line: number };
  readonly revision?: string;
  readonly proxies?: number;
}

export function readJsonLines<Line>(path: string): readonly Line[] {
  const whole = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return whole.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

/**
 * What our configuration calls the logs that evidence is made of: wire words between a proxy's loggers and this room.
 *
 * The surprise is the opaque edge: its log bears the name of the edge and serves two. A drill switches it on for every
 * connection; those that failed are always in it, and are how a breaker's overflow is known.
 */

/** `inbound`: of who called this proxy; `outbound`: of what its own application called. */
export const evidenceLogs = {
  'inbound-http': 'inbound',
  'inbound-listener': 'inbound',
  'outbound-http': 'outbound',
  'outbound-listener': 'outbound',
  /** Of one opaque port of a service, whichever it is. */
  'opaque-edge': 'outbound',
} as const;

export type EvidenceLog = keyof typeof evidenceLogs;

/** @returns undefined of the log of requests that only a drill asks for. */
export function evidenceLogOf(logName: string, protocol: 'http' | 'tcp'): EvidenceLog | undefined {
  if (isEvidenceOnly(logName)) return logName;
  return protocol === 'tcp' && logName !== '' ? 'opaque-edge' : undefined;
}

/** Whether no drill reads it. */
export function isEvidenceOnly(logName: string): logName is Exclude<EvidenceLog, 'opaque-edge'> {
  return logName !== 'opaque-edge' && Object.hasOwn(evidenceLogs, logName);
}

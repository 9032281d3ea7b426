/**
 * The name of a workload, as its certificate carries it: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
 * Source: SPIFFE-ID specification; ours is the narrower form, compared byte by byte, never by prefix or pattern.
 */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export type SpiffeIdProblem = { readonly kind: 'too-long'; readonly bytes: number } | { readonly kind: 'malformed' };

export type SpiffeIdResult =
  | { readonly kind: 'ok'; readonly id: SpiffeId }
  | { readonly kind: 'refused'; readonly problem: SpiffeIdProblem };

/** Longest SPIFFE ID, in bytes. Source: SPIFFE-ID specification, section 2.3. */
const spiffeIdBytesMax = 2_048;

export const spiffeIdPattern =
  /^spiffe:\/\/([a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?)\/ns\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\/sa\/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

/**
 * @param text URI SAN from a peer certificate: hostile.
 * @returns the principal, or the reason it names nobody. Never throws.
 */
export function parseSpiffeId(text: string): SpiffeIdResult {
  if (text.length > spiffeIdBytesMax) return { kind: 'refused', problem: { kind: 'too-long', bytes: text.length } };
  const match = spiffeIdPattern.exec(text);
  const [, trustDomain, namespace, serviceAccount] = match ?? [];
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) {
    return { kind: 'refused', problem: { kind: 'malformed' } };
  }
  return { kind: 'ok', id: { trustDomain, namespace, serviceAccount } };
}

export function formatSpiffeId({ trustDomain, namespace, serviceAccount }: SpiffeId): string {
  return `${spiffeIdPrefix(trustDomain, namespace)}sa/${serviceAccount}`;
}

/** What every identity of one tenant begins with. The trailing slash keeps `prod` from meaning `prod-evil`. */
export function spiffeIdPrefix(trustDomain: string, namespace: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/`;
}

/** What a refusal means that no rule made, why it is so, and what whoever wants it otherwise can do. */

export interface RefusalMeaning {
  readonly why: string;
  /** What would let it through, and who can do that. */
  readonly next: string;
}

export interface RefusalWithoutRule {
  readonly kind:
    | 'plaintext-attempt'
    | 'handshake-failure'
    | 'breaker-overflow'
    /** Nothing is declared there, at the destination or at the caller. */
    | 'inbound'
    | 'outbound'
    /** Envoy could not read the request. */
    | 'form';
  readonly from: string;
  readonly to: string;
  /** In Envoy's words. */
  readonly detail?: string;
}

export function meaningOfRefusal({ kind, from, to, detail = '' }: RefusalWithoutRule): RefusalMeaning {
  switch (kind) {
    case 'plaintext-attempt':
      return {
        why: `${from} spoke no TLS to ${to}, where only mutual TLS is taken: it was closed before any rule was asked`,
        next: 'no rule lets plaintext in; whoever deploys the caller can run it as a Pod in the namespace of a Tenant, with a sidecar',
      };
    case 'handshake-failure':
      return {
        why: `the handshake of ${from} with ${to} came to nothing (${handshakeText(detail)}), so nobody was there to be judged`,
        next: 'no rule lets in who proves nothing; let the caller dial through a sidecar of this mesh whose certificate is in force: `coffre status` tells of each',
      };
    case 'inbound':
      return {
        why: `nothing is declared at ${to}, so its sidecar has no filter chain for it, whoever calls`,
        next: 'its owner can let a Service with that `targetPort` select the pod; until then it is closed to everybody',
      };
    case 'outbound':
      return {
        why: `the sidecar of ${from} has no listener for ${to}: it is nothing that this workload may dial`,
        next: 'let the caller dial a service by its name; its owner can write a Service, and a Grant where it is of another tenant',
      };
    case 'breaker-overflow':
      return {
        why: `the sidecar of ${from} answered in place of ${to}: ${breakerText(detail)}; no rule of the destination was asked`,
        next: 'no access rule opens a breaker; the owner of the destination can raise `circuitBreakers` in its TrafficPolicy, or halt the drill that holds it open: `coffre drill list`',
      };
    case 'form':
      return {
        why: `Envoy refused the form of the request of ${from} to ${to} (${detail}) before any rule was asked`,
        next: 'no rule lets it in; let the caller send plain HTTP/1.1 or HTTP/2 within the bounds: 100 headers, 60 kB of them, one host',
      };
  }
}

function handshakeText(reason: string): string {
  if (/PEER_DID_NOT_RETURN_A_CERTIFICATE/.test(reason)) return 'the caller showed no certificate';
  if (/CERTIFICATE_VERIFY_FAILED|VERIFY_FAILED/.test(reason)) {
    return 'its certificate is not of the tenant whose name it dialled, has ended, or is of another CA';
  }
  if (/UNSUPPORTED_PROTOCOL/.test(reason)) return 'it spoke a TLS older than 1.3';
  if (reason === 'filter_chain_not_found') return 'it dialled a name of no tenant that may call there';
  return reason;
}

/** By Envoy's response flags. */
function breakerText(flags: string): string {
  const all = flags.split(',');
  if (all.includes('UO'))
    return 'its breaker is open, as more is under way than it lets through, or a drill holds it open';
  if (all.includes('UH')) return 'no endpoint is healthy';
  if (all.includes('DF') || all.includes('NC')) return 'there is no way to any endpoint';
  return 'no connection could be had';
}

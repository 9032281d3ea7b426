/**
 * The TLS side of a server or client: TLS 1.3 and nothing else, no session that outlives a certificate.
 *
 * A resumed session skips the check of the certificate's end, so neither tickets nor a session cache are offered.
 */
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

export interface TlsMaterial {
  readonly certificateChainPem: string;
  /** Anything that gives the key when asked, so that it prints as nothing meanwhile. */
  readonly privateKeyPem: { reveal(): string };
  /** Anchors for client certificates; absent: none is asked for. */
  readonly clientCaPem?: string;
}

export type TlsMaterialVerdict =
  | { readonly kind: 'usable'; readonly context: SecureContextOptions }
  | { readonly kind: 'unusable'; readonly message: string };

export const tlsVersions = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** Judged before it is used: grpc-js, given a certificate that does not fit its key, drops every later connection. */
export function judgeTlsMaterial({ certificateChainPem, privateKeyPem, clientCaPem }: TlsMaterial): TlsMaterialVerdict {
  const context: SecureContextOptions = {
    cert: certificateChainPem,
    key: privateKeyPem.reveal(),
    ...(clientCaPem === undefined ? {} : { ca: clientCaPem }),
    ...tlsVersions,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    createSecureContext(context);
    return { kind: 'usable', context };
  } catch (error) {
    // OpenSSL's words name the fault ("key values mismatch", "no start line") and never quote the key.
    const cause = error instanceof Error ? error.message : 'unknown';
    return { kind: 'unusable', message: `the TLS certificate and key cannot be used together: ${cause}` };
  }
}

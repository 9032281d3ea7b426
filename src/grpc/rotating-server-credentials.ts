/**
 * Server credentials whose certificate can be changed while the server runs.
 * Open connections keep the certificate they began with; the next handshake sees the new one.
 */
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { concurrentStreamsMax, handshakeTimeoutMs, headerListBytesMax } from './limits.ts';

export interface ClientCertificates {
  /** Ask the client for a certificate. */
  readonly requested: boolean;
  /** Refuse the handshake without a good one; otherwise such a client is nobody, and the caller must ask for a token. */
  readonly required: boolean;
}

export class RotatingServerCredentials extends ServerCredentials {
  constructor(context: SecureContextOptions, { requested, required }: ClientCertificates) {
    super(
      {
        requestCert: requested,
        rejectUnauthorized: required,
        handshakeTimeout: handshakeTimeoutMs,
        settings: { maxConcurrentStreams: concurrentStreamsMax, maxHeaderListSize: headerListBytesMax },
      },
      context,
    );
  }

  rotate(context: SecureContextOptions): void {
    this.updateSecureContextOptions(context);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

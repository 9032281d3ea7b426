/**
 * A certificate authority on paper: for each identity and tenant a PEM block that says whose it is, and proves nothing.
 *
 * It lets the same builders write the same configuration where there is no CA, such as over a folder that nobody serves
 * yet. What is compared and proven of that configuration is who is believed; no signature is.
 */
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import type { Anchor, Anchors } from './trust-reading.ts';

type Leaf = Pick<ProxyTrust, 'certificateChainPem' | 'privateKeyPem'>;

export class PaperAuthority {
  readonly rootPem = pem('CERTIFICATE', 'root of the mesh');
  readonly #tenants = new Map<string, string>();

  leaf(spiffeId: string): Leaf {
    return { certificateChainPem: pem('CERTIFICATE', spiffeId), privateKeyPem: pem('PRIVATE KEY', spiffeId) };
  }

  bundlePem(tenant: string): string {
    const certificate = pem('CERTIFICATE', `CA of ${tenant}`);
    this.#tenants.set(tenant, certificate);
    return certificate;
  }

  workerIdentity(): Leaf {
    return this.leaf('the authorization workers');
  }

  /** Whose each certificate is that anybody has asked for so far. */
  anchors(): Anchors {
    const anchors = new Map<string, Anchor>([[this.rootPem, { kind: 'mesh' }]]);
    for (const [tenant, certificate] of this.#tenants) anchors.set(certificate, { kind: 'tenant', tenant });
    return anchors;
  }
}

function pem(label: string, text: string): string {
  return `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
}

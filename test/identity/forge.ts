/** Certificates that our authority would never issue, signed by an intermediate's real key: what a thief of one could try. */
import { type CertificateProfile, leafProfile } from '../../src/identity/certificate-profile.ts';
import { type Issuer, issueCertificate } from '../../src/identity/issue-certificate.io.ts';
import { readIssuer } from '../../src/identity/issuer-store.io.ts';
import { generateKeyPair } from '../../src/identity/key-pair.io.ts';
import type { IdentityPorts } from '../../src/identity/ports.ts';
import { StateFolder } from '../../src/identity/state-folder.io.ts';

export interface ForgedLeaf {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

/** @param record `tenants/shop` or `control-plane`. */
export async function stolenIssuer(stateFolder: string, record: string, ports: IdentityPorts): Promise<Issuer> {
  const issuer = await readIssuer(await StateFolder.open(stateFolder, undefined, ports.entropy), record);
  if (issuer === undefined) throw new Error(`no issuer ${record}`);
  return issuer;
}

export async function forge(
  issuer: Issuer,
  changes: Partial<CertificateProfile>,
  ports: IdentityPorts,
): Promise<ForgedLeaf> {
  const keys = await generateKeyPair();
  const profile = { ...leafProfile('spiffe://mesh.example/ns/shop/sa/forged', 86_400_000), ...changes };
  const { pem } = await issueCertificate(profile, keys, issuer, ports);
  return { certificateChainPem: pem + issuer.certificate.pem, privateKeyPem: keys.privateKeyPem.reveal() };
}

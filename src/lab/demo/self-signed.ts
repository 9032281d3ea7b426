/** A certificate for names that the demo plays itself, which whoever dials them must be told to believe. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface SelfSigned {
  readonly certPath: string;
  readonly keyPath: string;
}

/** @param name of the files, in `dir`. @returns undefined where this machine has no `openssl`. */
export async function selfSigned(
  dir: string,
  name: string,
  dnsNames: readonly string[],
): Promise<SelfSigned | undefined> {
  const [certPath, keyPath] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  const names = dnsNames.map((dnsName) => `DNS:${dnsName}`).join();
  const argv = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
    ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`, '-keyout', keyPath, '-out', certPath],
  ];
  try {
    await promisify(execFile)('openssl', argv);
    return { certPath, keyPath };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

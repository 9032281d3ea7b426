/** Somebody who dials a pod's port as he likes: bytes, or TLS of any kind with any certificate, from a pod of no mesh. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../src/lab/lab.ts';

export interface Dial {
  readonly address: string;
  readonly port: number;
  /** latin1: one character is one byte. Sent once there is a connection, or a handshake. */
  readonly bytes: string;
  readonly tls?: {
    readonly sni: string;
    /** Name under which a certificate was handed to him; none at all if absent. */
    readonly as?: string;
    readonly version?: 'TLSv1_2';
  };
}

/** Longest he waits for an answer, in seconds: a silent caller is closed after one. */
const waitSeconds = 3;

export class Stranger {
  readonly #lab: Lab;
  readonly #pod: string;
  readonly #folder: string;

  constructor(lab: Lab, pod: string) {
    this.#lab = lab;
    this.#pod = pod;
    this.#folder = join(lab.dir, 'stranger');
    mkdirSync(this.#folder);
  }

  /** From now on he can show it. */
  hold(name: string, certificateChainPem: string, privateKeyPem: string): void {
    writeFileSync(join(this.#folder, `${name}.pem`), certificateChainPem);
    writeFileSync(join(this.#folder, `${name}.key`), privateKeyPem, { mode: 0o600 });
  }

  /** @returns what came back, in latin1; empty where nothing did. */
  async dial(dial: Dial): Promise<string> {
    const argv = ['python3', '-c', script, this.#folder, String(waitSeconds), JSON.stringify(dial)];
    const ran = await this.#lab.run({ in: this.#pod, argv, confined: true, timeoutMs: 20_000 });
    if (ran.code !== 0) throw new Error(`the stranger could not dial: ${ran.stderr}`);
    return Buffer.from(ran.stdout, 'base64').toString('latin1');
  }
}

/** The server's certificate is not his concern. */
const script = `
import base64, json, socket, ssl, sys
folder, wait, said = sys.argv[1:]
said = json.loads(said)
got = b''
try:
    s = socket.create_connection((said['address'], said['port']), float(wait))
    tls = said.get('tls')
    if tls is not None:
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        if 'version' in tls: c.maximum_version = ssl.TLSVersion[tls['version']]
        if 'as' in tls: c.load_cert_chain(f"{folder}/{tls['as']}.pem", f"{folder}/{tls['as']}.key")
        s = c.wrap_socket(s, server_hostname=tls['sni'])
    if said['bytes'] != '': s.sendall(said['bytes'].encode('latin1'))
    while chunk := s.recv(65536): got += chunk
except OSError:
    pass
print(base64.b64encode(got).decode(), end='')
`;

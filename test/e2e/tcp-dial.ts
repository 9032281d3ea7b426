/**
 * What a program sees that dials a TCP port, says nothing and waits to be spoken to.
 *
 * Run as an application runs, confined; `viaMark` takes the sidecar's own way out instead, with any certificate at hand.
 */

import { proxyMark } from '../../src/envoy/redirect.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';

/** Longest a refused dial is waited for, in ms: longer than any answer that would come. */
const dialMs = 2_000;

/** @returns the bytes that came before the end, the reset or the wait's end, as text. */
export async function greetingOf(lab: Lab, pod: string, host: string, port: number): Promise<string> {
  const argv = ['python3', '-c', dial, host, String(port), String(dialMs / 1_000)];
  return (await lab.run({ in: pod, argv, confined: true, timeoutMs: 15_000 })).stdout;
}

/** A connection that is held: says its greeting, then echoes back a line each 50 ms, and `ended` when it is over. */
export async function hold(lab: Lab, pod: string, host: string, port: number): Promise<LabProcess> {
  const argv = ['python3', '-u', '-c', keep, host, String(port)];
  const held = await lab.spawn({ in: pod, argv, confined: true, name: `${pod}.hold` });
  await held.waitForLine(/^echo/, 10_000);
  return held;
}

export interface MarkedTls {
  readonly address: string;
  readonly port: number;
  readonly sni: string;
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** TLS with a workload's real leaf, past its sidecar: what a stolen certificate could do. @returns bytes that came. */
export async function markedTls(lab: Lab, pod: string, target: MarkedTls): Promise<string> {
  const { address, port, sni, certificatePath, keyPath } = target;
  const argv = ['python3', '-c', tls, String(proxyMark), address, String(port), sni, certificatePath, keyPath];
  return (await lab.run({ in: pod, argv, confined: false, timeoutMs: 15_000 })).stdout;
}

const dial = `
import socket, sys
host, port, wait = sys.argv[1:]
try:
    s = socket.create_connection((host, int(port)), float(wait))
    s.settimeout(float(wait))
    print(s.recv(1024).decode(), end='')
except OSError:
    pass
`;

const keep = `
import socket, sys, time
host, port = sys.argv[1:]
s = socket.create_connection((host, int(port)), 5)
s.settimeout(5)
s.recv(1024)
try:
    while True:
        s.sendall(b'x')
        if s.recv(1024) == b'': break
        print('echo', time.time())
        time.sleep(0.05)
except OSError:
    pass
print('ended', time.time())
`;

/** The server's certificate is not checked: it is the server that must refuse. */
const tls = `
import socket, ssl, sys
mark, address, port, sni, cert, key = sys.argv[1:]
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
c.check_hostname = False
c.verify_mode = ssl.CERT_NONE
c.load_cert_chain(cert, key)
s = socket.socket(socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, 36, int(mark))
s.settimeout(2)
try:
    s.connect((address, int(port)))
    t = c.wrap_socket(s, server_hostname=sni)
    print(t.recv(1024).decode(), end='')
except OSError:
    pass
`;

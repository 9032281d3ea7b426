/**
 * One TCP connection with the sidecar's mark: what interception lets pass.
 * It is the positive control of every "nothing left the pod": the wire, the peer and the capture work, or this fails too.
 * Node cannot set SO_MARK, Python can.
 */
import { proxyMark } from '../envoy/redirect.ts';
import type { Lab } from './lab.ts';
import type { Place } from './protocol.ts';

export interface MarkedTarget {
  readonly in: Place;
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
}

export type MarkedOutcome =
  | { readonly kind: 'connected' }
  /** `errno` is Linux's name, such as ECONNREFUSED or EPERM. */
  | { readonly kind: 'refused'; readonly errno: string }
  | { readonly kind: 'timeout' };

/** Also the application's forbidden wish: run confined, its first step fails with EPERM. */
export function markedConnectArgv(target: Omit<MarkedTarget, 'in'>): readonly string[] {
  const { address, port, timeoutMs } = target;
  return ['python3', '-c', script, String(proxyMark), address, String(port), String(timeoutMs / 1_000)];
}

export async function markedConnect(lab: Pick<Lab, 'run'>, target: MarkedTarget): Promise<MarkedOutcome> {
  const done = await lab.run({
    in: target.in,
    argv: markedConnectArgv(target),
    confined: false,
    timeoutMs: target.timeoutMs + interpreterMs,
  });
  const word = done.stdout.trim();
  if (word === 'connected') return { kind: 'connected' };
  if (word === 'timeout' || done.timedOut) return { kind: 'timeout' };
  if (word !== '') return { kind: 'refused', errno: word };
  throw new Error(`the marked connection could not be tried: ${done.stderr}`);
}

/** What Python needs to start and end, generously, in ms. */
const interpreterMs = 5_000;

/** 36 is SO_MARK (asm-generic/socket.h); older Pythons have no name for it. */
const script = `
import errno, socket, sys
mark, address, port, timeout = sys.argv[1:]
try:
    s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, 36, int(mark))
    s.settimeout(float(timeout))
    s.connect((address, int(port)))
    print('connected')
except socket.timeout:
    print('timeout')
except OSError as e:
    print(errno.errorcode.get(e.errno, str(e)))
`;

/**
 * Packets on a pod's link, and the certainty that none was missed (short of a flood that overruns the tap's buffer).
 *
 *   eth0 ──▶ tap (raw socket, Python) ──pcap──▶ tcpdump ──▶ lines
 *   packets() ──▶ marked SYN to a fence port ──▶ wait until tcpdump prints it ──▶ every packet before it was printed too
 *
 * tcpdump prints in order, so a fence of our own turns "I saw nothing" into "there was nothing": if capture, link or
 * mark were broken, the fence would be missing and `packets` would fail.
 */
import { readFileSync } from 'node:fs';
import { fencePorts, labHost } from './addresses.ts';
import type { Lab } from './lab.ts';
import { markedConnect } from './marked-connect.ts';

export interface CaptureSpec {
  /** Key of the pod whose `eth0` is watched: what iptables dropped on the way out is not on it. */
  readonly in: string;
  /** In tcpdump's language, such as `tcp or udp`; ARP and neighbour discovery are better left out. */
  readonly filter: string;
}

export interface Capture {
  /** One line a packet, as `tcpdump -n` prints it: all that passed before the call. */
  packets(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Longest wait for tcpdump to listen, or to print the fence, in ms. */
const captureMs = 5_000;

/** @param nextFence a port of `fencePorts` that no capture of this lab has used. */
export async function startCapture(
  lab: Pick<Lab, 'mode' | 'run' | 'spawn'>,
  spec: CaptureSpec,
  nextFence: () => number,
): Promise<Capture> {
  const fences = `dst host ${labHost.ipv4} and tcp dst portrange ${fencePorts.first}-${fencePorts.last}`;
  // A tcpdump that is root wants to become someone else, and in a user namespace there is no one else: be no one at once.
  const asNobody = lab.mode === 'root' ? [] : ['unshare', '--user', '--map-user=65534', '--'];
  const printer = [...asNobody, 'tcpdump', '-n', '-l', '-r', '-', `(${spec.filter}) or (${fences})`];
  const tcpdump = await lab.spawn({
    in: spec.in,
    argv: ['sh', '-c', 'python3 -c "$0" eth0 | "$@"', tap, ...printer],
    confined: false,
    name: 'tcpdump',
  });
  await tcpdump.waitForLine(/tapping eth0/, captureMs);
  return {
    async packets() {
      const port = nextFence();
      await markedConnect(lab, { in: spec.in, address: labHost.ipv4, port, timeoutMs: captureMs });
      await tcpdump.waitForLine(new RegExp(` > ${escapedHost}\\.${port}: Flags \\[S\\]`), captureMs);
      return readFileSync(tcpdump.stdoutPath, 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !ofFence(line));
    },
    async stop() {
      await tcpdump.kill('SIGKILL');
      await tcpdump.exited;
    },
  };
}

const escapedHost = labHost.ipv4.replaceAll('.', '\\.');
const hostAndPort = new RegExp(`\\b${escapedHost}\\.(\\d+)\\b`);

/** The fence and its answer. */
function ofFence(line: string): boolean {
  const port = Number(hostAndPort.exec(line)?.[1]);
  return port >= fencePorts.first && port <= fencePorts.last;
}

/** Writes every packet of an interface to stdout, as a pcap stream (draft-ietf-opsawg-pcap; link type 1, Ethernet). */
const tap = `
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
out = sys.stdout.buffer
out.write(struct.pack('=IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
out.flush()
print('tapping', sys.argv[1], file=sys.stderr, flush=True)
while True:
    packet = s.recv(65535)
    now = time.time_ns() // 1000
    out.write(struct.pack('=IIII', now // 1000000, now % 1000000, len(packet), len(packet)) + packet)
    out.flush()
`;

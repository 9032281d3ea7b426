/**
 * Our own api tries to reach an outsider past the mesh. The witness is the wire: not even a SYN may be on it.
 * The same capture then sees a packet that *is* allowed out, so its silence before was not blindness.
 */
import { api, outsider } from '../addresses.ts';
import { type Check, judge, type Theme } from '../check.ts';
import { inPod } from '../command.ts';
import { closedWithoutAnswer, parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';

/** Where the demo's pods may ask for names. */
const resolver = '10.99.0.1';
/** All but what sidecars and the resolver say to each other: of port 53 only our own datagram, 8 bytes of header and `hello`. */
const udpButNames = 'udp and (not port 53 or udp[4:2] = 14)';
/** Longest wait of the positive control for its connection, in ms. */
const controlMs = 3_000;

export const wayOut: Theme = {
  title: 'No way out but the sidecar',
  checks: [
    overTcp('way-out-tcp', 'api dials the outsider in plaintext', outsider.pod.ipv4),
    overTcp('way-out-ipv6', 'the same over IPv6', outsider.pod.ipv6),
    overUdp(),
  ],
};

function overTcp(id: string, what: string, address: string): Check {
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${outsider.port}/`;
  const command = inPod(api.key, 'curl', '-sig', '-m', '5', url);
  return {
    id,
    what,
    want: 'closed, and 0 packets on the wire, not even a SYN',
    needs: 'interception',
    command: () => [command],
    run: async (context) => {
      const { result, packets: withControl } = await context.onTheWire(api.key, `tcp and host ${address}`, (capture) =>
        context
          .reached(context.watched(outsider.key), async () => {
            const { stdout, code } = await context.exec(command);
            return { status: parseCurl(stdout).status, code, packets: await capture.packets() };
          })
          .then(async (reached) => ({ ...reached, control: await markedDial(context, address) })),
      );
      const { status, code, packets } = result.result;
      const got = [
        `${closedWithoutAnswer.get(code) ?? `curl ended with ${code}`}, ${packets.length} packets`,
        `the sidecar's mark: ${result.control}, ${withControl.length} packets`,
      ].join('; ');
      return judge(got, {
        'no answer came': status === 0 && closedWithoutAnswer.has(code),
        'no packet left': packets.length === 0,
        'the outsider saw nothing': result.sightings.length === 0,
        'a marked connection gets through': result.control === 'connected',
        'and is seen on the wire': withControl.some((line) => line.includes('Flags [S]')),
      });
    },
  };
}

/** The positive control: address, wire and capture work for who has the sidecar's mark. */
async function markedDial(context: DemoContext, address: string): Promise<string> {
  const target = { in: api.key, address, port: outsider.port, timeoutMs: controlMs };
  return (await context.mesh.lab.markedConnect(target)).kind;
}

function overUdp(): Check {
  const datagrams = [outsider.pod.ipv4, outsider.pod.ipv6].map((address) => send(address, 9_000));
  const control = send(resolver, 53);
  return {
    id: 'way-out-udp',
    what: 'the same in UDP, over IPv4 and IPv6',
    want: '0 packets on the wire',
    needs: 'interception',
    command: () => datagrams,
    run: async (context) => {
      const { result: before, packets } = await context.onTheWire(api.key, udpButNames, async (capture) => {
        const codes: (number | null)[] = [];
        for (const datagram of datagrams) codes.push((await context.exec(datagram)).code);
        const seen = await capture.packets();
        await context.exec(control);
        return { codes, seen };
      });
      const refusals = before.codes.filter((code) => code !== 0).length;
      return judge(
        `${refusals} of 2 refused by the kernel, ${before.seen.length} packets; the control's datagram is seen`,
        {
          'both were refused': refusals === 2,
          'no packet left': before.seen.length === 0,
          'a datagram to the resolver is seen on the wire': packets.some((line) => line.includes(`> ${resolver}.53:`)),
        },
      );
    },
  };
}

function send(address: string, port: number) {
  return inPod(api.key, 'bash', '-c', `echo hello > /dev/udp/${address}/${port}`);
}

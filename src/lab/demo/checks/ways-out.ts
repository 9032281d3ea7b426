/** Services outside the mesh: a declared one is believed under its own name alone, and one nobody declared is not dialled. */
import type { AppRequest } from '../../app-process.ts';
import { judge, type Theme } from '../check.ts';
import { inPod, type PodCommand } from '../command.ts';
import { closedWithoutAnswer, parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';
import { outsideNames, outsidePort } from '../outside-world.ts';

const caller = 'atelier/web-1';
const wire = 'tcp and net 203.0.113.0/24';

const declared = ask(outsideNames.declared);
const undeclared = ask(outsideNames.undeclared);
const impostor = ask(outsideNames.impostor);

export const waysOut: Theme = {
  title: 'Named ways out',
  checks: [
    {
      id: 'egress-declared',
      what: `web asks ${outsideNames.declared}, which its tenant declares`,
      want: '200: plain to the sidecar, TLS from there, to exactly that name',
      needs: 'interception',
      command: () => [declared],
      run: async (context) => {
        const { status, requests } = await askOutside(context, declared);
        const host = requests.at(-1)?.headers['host'];
        const handshakes = await tlsCount(context, outsideNames.declared, 'handshake');
        return judge(`${status}; the service, which speaks only TLS, was asked as ${host}`, {
          'the answer is 200': status === 200,
          'it was asked by its name': requests.length === 1 && host === `${outsideNames.declared}:${outsidePort}`,
          'the sidecar spoke TLS with it': handshakes > 0,
        });
      },
    },
    {
      id: 'egress-undeclared',
      what: `web asks ${outsideNames.undeclared}, at the same address, which nobody declares`,
      want: 'closed, 0 packets on the wire, though the name resolves',
      needs: 'interception',
      command: () => [undeclared],
      run: async (context) => {
        const { result, packets: withControl } = await context.onTheWire(caller, wire, async (capture) => {
          const { code, status, sightings } = await askOutside(context, undeclared);
          const packets = await capture.packets();
          const control = await askOutside(context, declared);
          return { code, status, sightings, packets, control: control.status };
        });
        const { code, status, sightings, packets, control } = result;
        const end = closedWithoutAnswer.get(code) ?? `curl ended with ${code}`;
        return judge(`${end}, ${packets.length} packets; the declared one: ${control}, ${withControl.length} packets`, {
          'no answer came': status === 0 && closedWithoutAnswer.has(code),
          'no packet left': packets.length === 0,
          'the service saw nothing': sightings.length === 0,
          'the declared one is answered': control === 200,
          'and is seen on the wire': withControl.length > 0,
        });
      },
    },
    {
      id: 'egress-impostor',
      what: `web asks ${outsideNames.impostor}, whose server has no certificate for it`,
      want: '503 by its own sidecar, and no request is sent',
      needs: 'interception',
      command: () => [impostor],
      run: async (context) => {
        const before = await tlsCount(context, outsideNames.impostor, 'fail_verify_san');
        const { status, sightings, requests } = await askOutside(context, impostor);
        const refused = (await tlsCount(context, outsideNames.impostor, 'fail_verify_san')) - before;
        return judge(`${status}; ${refused} certificates refused for their name, ${requests.length} requests sent`, {
          'the answer is 503': status === 503,
          'the server was reached': sightings.length > 0,
          'its certificate was refused for its name': refused > 0,
          'no request was sent': requests.length === 0,
        });
      },
    },
  ],
};

function ask(name: string): PodCommand {
  return inPod(caller, 'curl', '-si', '-m', '8', `http://${name}:${outsidePort}/parcels/7`);
}

async function askOutside(context: DemoContext, command: PodCommand) {
  const { result, sightings } = await context.reached(context.outside, () => context.exec(command));
  const requests = sightings.filter((seen): seen is AppRequest => seen.kind === 'request');
  return { code: result.code, status: parseCurl(result.stdout).status, sightings, requests };
}

/** A counter of the caller's sidecar about its TLS with a service outside. */
async function tlsCount(context: DemoContext, name: string, counter: string): Promise<number> {
  const stats = await context.mesh.sidecar(caller).stats(`cluster.external/${name}/`);
  return [...stats].reduce((sum, [key, count]) => (key.endsWith(`.ssl.${counter}`) ? sum + count : sum), 0);
}

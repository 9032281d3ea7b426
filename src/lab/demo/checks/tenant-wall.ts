/** Between two vaults: refused where the call is made, and refused again where it arrives, for who got past the first. */
import { api } from '../addresses.ts';
import { type Check, judge, NotShown, type Theme } from '../check.ts';
import { inPod, type PodCommand } from '../command.ts';
import { closedWithoutAnswer, parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';

const caller = 'notaire/web-1';
const callerAddress = '10.99.2.1';
const across = inPod(caller, 'curl', '-si', '-m', '5', 'http://api.atelier/documents/1');

export const tenantWall: Theme = {
  title: 'The wall between vaults',
  checks: [
    {
      id: 'tenant-wall-caller',
      what: "notaire's web calls atelier's api",
      want: 'closed by its own sidecar, no packet to atelier',
      needs: 'interception',
      command: () => [across],
      run: async (context) => {
        const log = context.accessLog(caller);
        const { result: reached, packets } = await context.onTheWire(caller, `host ${api.pod.ipv4}`, () =>
          context.reached(context.watched(api.key), () => context.exec(across)),
        );
        const line = await log.next('the call', ({ destination }) => destination === `${api.service.ipv4}:80`);
        const { status } = parseCurl(reached.result.stdout);
        return judge(
          `${closedWithoutAnswer.get(reached.result.code)}, ${packets.length} packets; logged ${line.flags} ${line.details}`,
          {
            'no answer came': status === 0 && closedWithoutAnswer.has(reached.result.code),
            'no packet left for atelier': packets.length === 0,
            'the application saw nothing': reached.sightings.length === 0,
            'its sidecar had no listener for it': line.flags === 'NR',
          },
        );
      },
    },
    thief('tenant-wall-stolen-leaf', "a thief in notaire's pod passes the sidecar, with web's true leaf", 'notaire'),
    thief('tenant-wall-lying-sni', "the same thief says that he comes from atelier's vault", 'atelier'),
    {
      id: 'tenant-wall-control',
      what: "control: the same tool in atelier's pod, with atelier's leaf",
      want: '200: the tool works, it is the wall that held',
      command: ({ attacker }) => [markedTls('atelier/web-1', attacker, 'atelier-web', 'atelier')],
      run: async (context) => {
        const command = markedTls('atelier/web-1', context.place.attacker, 'atelier-web', 'atelier');
        const { said, sightings } = await tryDoor(context, command);
        return judge(`${said.first || 'no answer'}, ${said.bytes} bytes`, {
          'it is answered': said.first === 'HTTP/1.1 200 OK',
          'api saw it': sightings.some((seen) => seen.kind === 'request' && seen.path === '/documents/4'),
        });
      },
    },
  ],
};

function thief(id: string, what: string, claimedTenant: string): Check {
  return {
    id,
    what,
    want: "refused by api's sidecar with 0 bytes, a line in its log",
    command: ({ attacker }) => [markedTls(caller, attacker, 'notaire-web', claimedTenant)],
    run: async (context) => {
      const log = context.accessLog(api.key);
      const command = markedTls(caller, context.place.attacker, 'notaire-web', claimedTenant);
      const { said, sightings } = await tryDoor(context, command);
      const line = await log.next(
        'the thief',
        (logged) => context.cameFrom(logged, callerAddress) && logged.sni === `${claimedTenant}.mesh.coffre`,
      );
      const reason = line.details ?? /OPENSSL_internal:(\w+)/.exec(line.tls_failure ?? '')?.[1];
      return judge(`${said.end}, ${said.bytes} bytes; logged ${reason} for SNI ${line.sni}`, {
        "he reached api's sidecar": said.tcp,
        'no byte came back': said.bytes === 0,
        'the application saw nothing': sightings.length === 0,
        'the log has a reason': reason !== undefined,
      });
    },
  };
}

/** What `marked-tls.py` prints; see attacker.ts. */
interface Said {
  readonly tcp: boolean;
  readonly bytes: number;
  readonly first: string;
  readonly end: string;
}

async function tryDoor(context: DemoContext, command: PodCommand) {
  await context.armAttacker();
  const { result, sightings } = await context.reached(context.watched(api.key), () => context.exec(command));
  if (result.code !== 0) throw new NotShown(`the tool did not run: ${result.stderr.trim()}`);
  const said: Said = JSON.parse(result.stdout);
  return { said, sightings };
}

function markedTls(pod: string, attacker: string, leaf: string, tenant: string): PodCommand {
  const target = [api.pod.ipv4, String(api.port), `${tenant}.mesh.coffre`, '/documents/4'];
  return { ...inPod(pod, 'python3', `${attacker}/marked-tls.py`, attacker, leaf, ...target), unconfined: true };
}

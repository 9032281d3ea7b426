/** TLS is spoken, and still not the right one: no certificate, somebody else's, or an old protocol. */
import { api, outsider } from '../addresses.ts';
import { type Check, type DemoPlace, judge, type Theme } from '../check.ts';
import { inPod, type PodCommand } from '../command.ts';

/** SNI by which atelier's own workloads are recognised; it grants nothing. */
const sni = 'atelier.mesh.coffre';

export const certificates: Theme = {
  title: 'TLS, but not ours',
  checks: [
    refused({
      id: 'tls-no-certificate',
      what: 'an outsider speaks TLS without a certificate',
      flags: () => [],
      log: 'PEER_DID_NOT_RETURN_A_CERTIFICATE',
    }),
    refused({
      id: 'tls-wrong-ca',
      what: "with a certificate in web's name, by a CA of his own",
      flags: ({ attacker }) => leaf(attacker, 'forged'),
      log: 'CERTIFICATE_VERIFY_FAILED',
    }),
    refused({
      id: 'tls-1.2',
      what: "with web's true certificate, stolen, in TLS 1.2",
      flags: ({ attacker }) => [...leaf(attacker, 'atelier-web'), '-tls1_2'],
      log: 'UNSUPPORTED_PROTOCOL',
    }),
    {
      id: 'tls-control',
      what: 'control: the same command with the stolen one, TLS 1.3',
      want: '200: the refusals above are about certificate and version',
      command: ({ attacker }) => [client(leaf(attacker, 'atelier-web'))],
      run: async (context) => {
        await context.armAttacker();
        const command = client(leaf(context.place.attacker, 'atelier-web'));
        const { result, sightings } = await context.reached(context.watched(api.key), () => context.exec(command));
        const [first = 'nothing'] = result.stdout.split('\r\n');
        return judge(`${first}; api saw ${sightings.filter(({ kind }) => kind === 'request').length} request`, {
          'it is answered': first === 'HTTP/1.1 200 OK',
          'api saw it': sightings.some((seen) => seen.kind === 'request' && seen.path === '/documents/3'),
        });
      },
    },
  ],
};

interface Refused {
  readonly id: string;
  readonly what: string;
  flags(place: DemoPlace): readonly string[];
  /** BoringSSL's reason in the sidecar's log. */
  readonly log: string;
}

function refused({ id, what, flags, log: reason }: Refused): Check {
  return {
    id,
    what,
    want: 'refused with 0 application bytes, the reason in the log',
    command: (place) => [client(flags(place))],
    run: async (context) => {
      await context.armAttacker();
      const log = context.accessLog(api.key);
      const command = client(flags(context.place));
      const { result, sightings } = await context.reached(context.watched(api.key), () => context.exec(command));
      const line = await log.next(
        'the handshake',
        (logged) => context.cameFrom(logged, outsider.pod.ipv4) && logged.tls_failure !== null,
      );
      const bytes = Buffer.byteLength(result.stdout);
      const alert = /alert ([a-z ]+?):/.exec(result.stderr)?.[1] ?? 'no alert';
      return judge(
        `${alert}, ${bytes} bytes; logged ${line.tls_failure?.includes(reason) ? reason : line.tls_failure}`,
        {
          'no byte came back': bytes === 0,
          'the application saw nothing': sightings.length === 0,
          [`the log says ${reason}`]: line.tls_failure?.includes(reason) === true,
        },
      );
    },
  };
}

/** With `-quiet` nothing but application bytes goes to stdout. */
function client(flags: readonly string[]): PodCommand {
  const request = 'GET /documents/3 HTTP/1.1\\r\\nHost: api\\r\\nConnection: close\\r\\n\\r\\n';
  const openssl = ['openssl s_client -quiet', `-connect ${api.pod.ipv4}:${api.port}`, `-servername ${sni}`, ...flags];
  return inPod(outsider.key, 'sh', '-c', `printf "${request}" | timeout 5 ${openssl.join(' ')}`);
}

function leaf(attacker: string, name: string): readonly string[] {
  return [`-cert ${attacker}/${name}.pem`, `-key ${attacker}/${name}.key`];
}

/** Inside one vault: the calls that are meant to work do, encrypted, with a name on them. */
import type { AppRequest } from '../../app-process.ts';
import { api, identities } from '../addresses.ts';
import { type Check, judge, type Theme } from '../check.ts';
import { inPod, type PodCommand } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';

export const inside: Theme = {
  title: 'Inside a vault',
  checks: [
    calls({
      id: 'inside-mtls',
      what: 'web calls api by its name',
      want: "200 over mutual TLS 1.3, and api is told web's identity",
      command: inPod('atelier/web-1', 'curl', '-si', 'http://api/documents/1'),
      version: 'HTTP/1.1',
    }),
    calls({
      needs: 'interception',
      id: 'inside-ipv6',
      what: 'the same over IPv6',
      want: "200 over mutual TLS 1.3 by the service's IPv6 address",
      command: inPod('atelier/web-1', 'curl', '-sig', `http://[${api.service.ipv6}]/documents/1`),
      version: 'HTTP/1.1',
    }),
    calls({
      id: 'inside-http2',
      what: 'the same in HTTP/2 from the first byte',
      want: '200 in HTTP/2, no upgrade dance',
      command: inPod('atelier/web-1', 'curl', '-si', '--http2-prior-knowledge', 'http://api/documents/1'),
      version: 'HTTP/2',
    }),
    {
      id: 'forged-headers',
      what: 'web forges Host and the identity header',
      want: "still api that answers, and api sees web's true identity alone",
      command: () => [forged],
      run: async (context) => {
        const { status, seen } = await ask(context, forged);
        const xfcc = seen?.headers['x-forwarded-client-cert'] ?? '';
        return judge(`${status} by atelier's api, which saw ${callerIn(xfcc)}`, {
          'the answer is 200': status === 200,
          'api saw the request': seen !== undefined,
          'the identity is exactly the true one': isFrom(xfcc, identities.atelierWeb),
        });
      },
    },
  ],
};

const forged = inPod(
  'atelier/web-1',
  ...['curl', '-si', '-H', 'Host: api.notaire'],
  ...['-H', 'x-forwarded-client-cert: URI=spiffe://demo.coffre/ns/atelier/sa/boss', 'http://api/documents/2'],
);

interface Call {
  readonly id: string;
  readonly what: string;
  readonly want: string;
  readonly command: PodCommand;
  readonly version: string;
  readonly needs?: 'interception';
}

function calls({ id, what, want, command, version, needs }: Call): Check {
  return {
    ...(needs === undefined ? {} : { needs }),
    id,
    what,
    want,
    command: () => [command],
    run: async (context) => {
      const { status, version: spoken, seen } = await ask(context, command);
      const tls = await handshakes(context);
      const xfcc = seen?.headers['x-forwarded-client-cert'] ?? '';
      return judge(`${status} in ${spoken}, ${[...tls.keys()].join(', ')}, api saw ${callerIn(xfcc)}`, {
        'the answer is 200': status === 200,
        [`the answer is in ${version}`]: spoken === version,
        'api saw the request': seen !== undefined,
        'api was told who called': isFrom(xfcc, identities.atelierWeb),
        "every handshake at api's sidecar was TLS 1.3": [...tls.keys()].join() === 'TLSv1.3',
      });
    },
  };
}

/** The answer, and the one request that reached api meanwhile. */
async function ask(context: DemoContext, command: PodCommand) {
  const { result, sightings } = await context.reached(context.watched(api.key), () => context.exec(command));
  const requests = sightings.filter((seen): seen is AppRequest => seen.kind === 'request');
  const { status, version } = parseCurl(result.stdout);
  return { status, version, seen: requests.length === 1 ? requests[0] : undefined };
}

/** TLS versions of all handshakes that api's sidecar has finished, with their number; only its inbound speaks TLS downstream. */
async function handshakes(context: DemoContext): Promise<ReadonlyMap<string, number>> {
  const stats = await context.mesh.sidecar(api.key).stats('listener.');
  return new Map(
    [...stats].flatMap(([name, count]) => {
      const version = /\.ssl\.versions\.(.+)$/.exec(name)?.[1];
      return version !== undefined && count > 0 ? [[version, count] as const] : [];
    }),
  );
}

/** One element, written by api's own sidecar from the certificate; a client's would make it two. */
function isFrom(xfcc: string, spiffeId: string): boolean {
  return /^By=[^;,]+;Hash=[0-9a-f]{64};URI=([^;,]+)$/.exec(xfcc)?.[1] === spiffeId;
}

function callerIn(xfcc: string): string {
  const callers = [...xfcc.matchAll(/URI=([^;,]+)/g)].map((match) => match[1]);
  return callers.join(' and ') || 'nobody named';
}

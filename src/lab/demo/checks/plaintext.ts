/** Strangers at the door of a pod: plaintext, silence, and ports that nobody declared. */
import { api, outsider } from '../addresses.ts';
import { type Check, judge, type Theme } from '../check.ts';
import { inPod } from '../command.ts';
import type { DemoContext } from '../demo-context.ts';
import type { AccessLine } from '../json-lines.ts';
import { plaintextAttack, plaintextRequest } from '../plaintext-attack.ts';

const silent = inPod(outsider.key, 'bash', '-c', `cat < /dev/tcp/${api.pod.ipv4}/${api.port} | wc -c`);

/** A silent connection may stay this long before its first TLS record, in ms, and the client needs a moment. */
const silentMsMax = 1_800;
/** An unused port of api's pod. */
const undeclaredPort = 9_999;

export const plaintext: Theme = {
  title: 'Plaintext at the door',
  checks: [
    stranger('plaintext-refused', "an outsider speaks plaintext to api's port", api.port),
    {
      id: 'plaintext-silent',
      what: 'an outsider connects and says nothing',
      want: 'closed within about a second, 0 bytes, a line in the log',
      command: () => [silent],
      run: async (context) => {
        const log = context.accessLog(api.key);
        const beganMs = performance.now();
        const { result, sightings } = await context.reached(context.watched(api.key), async () => {
          const done = await context.exec(silent);
          return { done, tookMs: Math.round(performance.now() - beganMs) };
        });
        const bytes = result.done.stdout.trim();
        const line = await log.next('the silent connection', isFromOutsider(context, api.port));
        return judge(`closed after ${result.tookMs} ms with ${bytes} bytes; logged from ${line.source}`, {
          'no byte came back': bytes === '0',
          'it was closed in time': result.tookMs < silentMsMax,
          'the application saw nothing': sightings.length === 0,
        });
      },
    },
    {
      ...stranger(
        'plaintext-undeclared-port',
        `an outsider tries a port nobody declared, ${undeclaredPort}`,
        undeclaredPort,
      ),
      needs: 'interception',
    },
  ],
};

function stranger(id: string, what: string, port: number): Check {
  const command = plaintextRequest(api.pod.ipv4, port);
  return {
    id,
    what,
    want: 'closed with 0 bytes, nothing at the application, a line in the log',
    command: () => [command],
    run: async (context) => {
      const log = context.accessLog(api.key);
      const outcome = await plaintextAttack(context, context.watched(api.key), command);
      const line = await log.next('the plaintext', isFromOutsider(context, port));
      return { ...outcome, got: `${outcome.got}; logged ${line.flags} ${line.details}` };
    },
  };
}

function isFromOutsider(context: DemoContext, port: number) {
  return (logged: AccessLine) =>
    context.cameFrom(logged, outsider.pod.ipv4) && logged.destination === `${api.pod.ipv4}:${port}`;
}

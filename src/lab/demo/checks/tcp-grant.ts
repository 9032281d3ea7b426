/** A grant of opaque TCP: its end reaches into connections that stand open, and into no other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bus } from '../addresses.ts';
import { type Asking, startAsking } from '../asking.ts';
import { type DemoPlace, judge, type Theme } from '../check.ts';
import { inPod, shellLine } from '../command.ts';
import { apply, applyLine, grantBus, withdraw, withdrawLine } from '../edit.ts';

const stranger = 'notaire/web-1';
const owners = ['atelier/web-1', 'atelier/api-1'] as const;
const url = `tcp://bus.atelier:${bus.port}`;

/** What is promised of a withdrawn grant and the connections under it, in ms. */
const boundMs = 2_000;
/** How much longer the check waits, so as to tell how late it was, in ms. */
const patienceMs = 10_000;
/** How long the others are watched after, in ms. */
const afterMs = 500;

export const tcpGrant: Theme = {
  title: 'A grant, on a connection that stays open',
  checks: [
    {
      id: 'grant-tcp-withdrawn',
      what: "atelier's bus was granted to notaire's web; the file is removed",
      want: `its open connection ends within ${boundMs} ms; those of atelier's own pods live on`,
      command: (place) => [applyLine(grantBus, place), listenThenWithdraw(place)],
      run: async (context) => {
        const clients: Asking[] = [];
        const talk = async (pod: string) => {
          const asking = await startAsking(context.mesh.lab, pod, url);
          clients.push(asking);
          return asking;
        };
        try {
          apply(context, grantBus);
          const [granted, ...own] = await Promise.all([talk(stranger), ...owners.map(talk)]);
          const last = await granted.until('an echo under the grant', patienceMs, ({ outcome }) => outcome === 'echo');
          const goneMs = withdraw(context, grantBus);
          const ended = await granted.until(
            'the end of the granted connection',
            patienceMs,
            ({ atMs, port, outcome }) => atMs >= goneMs && port === last.port && outcome === 'closed',
          );
          const { sightings } = await context.reached(context.watched(bus.key), () => sleep(afterMs));
          const later = granted.answers().filter(({ atMs }) => atMs > ended.atMs);
          const echoes = own.map((asking) => asking.answers().filter(({ atMs }) => atMs > ended.atMs));
          const tookMs = ended.atMs - goneMs;
          return judge(
            `ended after ${tookMs} ms, ${later.length} more tries closed; atelier's own: ${echoes.map(({ length }) => length).join(' and ')} echoes since, unbroken`,
            {
              [`it took at most ${boundMs} ms`]: tookMs <= boundMs,
              'no try succeeded after': later.length > 0 && later.every(({ outcome }) => outcome === 'closed'),
              'nobody new reached the bus after': sightings.length === 0,
              "atelier's own went on talking": echoes.every(({ length }) => length > 1),
              'each on the connection it had': own.every(isUnbroken),
            },
          );
        } finally {
          withdraw(context, grantBus);
          await Promise.all(clients.map((asking) => asking.stop()));
        }
      },
    },
  ],
};

function isUnbroken(asking: Asking): boolean {
  const answers = asking.answers();
  return answers.every(({ outcome, port }) => outcome === 'echo' && port === answers[0]?.port);
}

/** One line: the listener shows the bus's greeting and goes on, until the file goes. */
function listenThenWithdraw(place: DemoPlace): string {
  const ended = 'ended after %{time_total} s\\n';
  const listen = inPod(stranger, 'curl', '-sN', '--http0.9', '-w', ended, `http://bus.atelier:${bus.port}/`);
  return `${shellLine(listen, place.lab)} & sleep 3; ${withdrawLine(grantBus, place)}; wait`;
}

/**
 * A database behind its wall: one service account reaches it, its colleague does not, a neighbour finds no way, and no
 * grant can make one. PostgreSQL's own log says who came, before a byte of theirs is read.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { database } from '../addresses.ts';
import { type DemoPlace, judge, type Theme } from '../check.ts';
import { inPod, type PodCommand } from '../command.ts';
import type { DemoContext } from '../demo-context.ts';
import { apply, applyLine, grantDatabase, withdraw, withdrawLine } from '../edit.ts';
import { until } from '../until.ts';

const friend = 'atelier/api-1';
const colleague = { pod: 'atelier/web-1', address: '10.99.1.1' } as const;
const neighbour = 'notaire/api-1';

/** Longest wait for what the control plane thinks of an edit, in ms. */
const patienceMs = 10_000;
/** How long a refused grant is given to open something after all, in ms. */
const afterMs = 500;

export const databaseWall: Theme = {
  title: 'A database in its vault',
  checks: [
    {
      id: 'database-own',
      what: "api asks atelier's database for its version",
      want: 'a real PostgreSQL answers over the mesh; its policy names api alone',
      command: (place) => [ask(place, friend, 'db')],
      run: async (context) => {
        const { answer, arrived } = await tryDatabase(context, friend, 'db');
        const { database: kind } = context.place;
        const isReal = kind === 'postgres' ? /^PostgreSQL \d/ : /^hello from /;
        const version = /^PostgreSQL \S+/.exec(answer)?.[0] ?? answer.split('\n')[0];
        return judge(`${version}; ${logged(arrived)}${placeholder(context)}`, {
          'it answers': isReal.test(answer),
          'its log has the connection': arrived > 0,
        });
      },
    },
    {
      id: 'database-colleague',
      what: 'web, of the same tenant, asks the same',
      want: "refused in the handshake by the database's sidecar, with 0 bytes; no connection in its log",
      command: (place) => [ask(place, colleague.pod, 'db')],
      run: async (context) => {
        const log = context.accessLog(database.key);
        const { answer, arrived } = await tryDatabase(context, colleague.pod, 'db');
        const line = await log.next(
          'the colleague',
          (seen) =>
            context.cameFrom(seen, colleague.address) &&
            seen.destination === `${database.pod.ipv4}:${database.port}` &&
            seen.tls_failure !== null,
        );
        const bytes = Buffer.byteLength(answer);
        const reason = /verify_cert_failed:_(\w+)/.exec(line.tls_failure ?? '')?.[1];
        const got = `${bytes} bytes, ${logged(arrived)}; its certificate was refused by the ${reason}`;
        return judge(`${got}${placeholder(context)}`, {
          'no byte came back': bytes === 0,
          'the database saw no connection': arrived === 0,
          'it was refused for its name': reason === 'SAN_matcher',
        });
      },
    },
    {
      id: 'database-neighbour',
      what: "notaire's api asks the same",
      want: 'closed by its own sidecar, no packet to the database',
      needs: 'interception',
      command: (place) => [ask(place, neighbour, 'db.atelier')],
      run: async (context) => {
        const log = context.accessLog(neighbour);
        const { result, packets } = await context.onTheWire(neighbour, `host ${database.pod.ipv4}`, () =>
          tryDatabase(context, neighbour, 'db.atelier'),
        );
        const dialled = `${database.service.ipv4}:${database.port}`;
        const line = await log.next('the call', ({ destination }) => destination === dialled);
        const bytes = Buffer.byteLength(result.answer);
        const got = `${bytes} bytes, ${packets.length} packets, ${logged(result.arrived)}; logged ${line.flags}`;
        return judge(`${got} ${line.details}${placeholder(context)}`, {
          'no byte came back': bytes === 0,
          'no packet left for the database': packets.length === 0,
          'the database saw no connection': result.arrived === 0,
          'its sidecar had no listener for it': line.flags === 'NR',
        });
      },
    },
    {
      id: 'database-sealed',
      what: 'a grant is written that gives the database to notaire',
      want: 'refused with its file and line; the way stays closed',
      command: (place) => [
        applyLine(grantDatabase, place),
        ask(place, neighbour, 'db.atelier'),
        withdrawLine(grantDatabase, place),
      ],
      run: async (context) => {
        const before = context.controlLog().length;
        const told = (msg: string) =>
          until(`\`${msg}\` about the grant`, patienceMs, () =>
            context
              .controlLog()
              .slice(before)
              .find((line) => line.msg === msg && line.problem?.startsWith(`atelier/${grantDatabase.file}:`)),
          );
        apply(context, grantDatabase);
        try {
          const { code, problem = '' } = await told('problem');
          await sleep(afterMs);
          const { answer, arrived } = await tryDatabase(context, neighbour, 'db.atelier');
          const bytes = Buffer.byteLength(answer);
          return judge(`${bytes} bytes, ${logged(arrived)}; ${problem}${placeholder(context)}`, {
            'it was refused for the seal': code === 'sealed-service',
            'the problem names file and line': /^atelier\/grant-database\.yaml:\d+: /.test(problem),
            'no byte came back': bytes === 0,
            'the database saw no connection': arrived === 0,
          });
        } finally {
          withdraw(context, grantDatabase);
          await told('problem solved');
        }
      },
    },
  ],
};

function ask({ database: kind }: DemoPlace, pod: string, host: string): PodCommand {
  return kind === 'postgres'
    ? inPod(pod, 'psql', '-h', host, '-U', 'postgres', '-Atc', 'select version()')
    : inPod(pod, 'curl', '-s', '--http0.9', '-m', '1', `http://${host}:${database.port}/`);
}

/** What came back, and how many connections the database itself saw. */
async function tryDatabase(context: DemoContext, pod: string, host: string) {
  const command = ask(context.place, pod, host);
  const { result, sightings } = await context.reached(context.watched(database.key), () => context.exec(command));
  return { answer: result.stdout, arrived: sightings.length };
}

function logged(arrived: number): string {
  return `its log shows ${arrived || 'no'} connection${arrived > 1 ? 's' : ''}`;
}

function placeholder({ place }: DemoContext): string {
  return place.database === 'postgres'
    ? ''
    : ' (no PostgreSQL can run here: a TCP service that greets stands in for it)';
}

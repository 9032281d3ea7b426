/**
 * Two clients in one pod that never pause: one keeps its connection, one opens a new connection for each request.
 *
 *   steady-traffic.ts URL PERIOD_MS ──▶ each client one request every PERIOD_MS; one JSON line an answer
 *
 * Requests begin by the clock, whatever became of the one before, so a stall shows as a stall and not as less traffic.
 */
import { Agent, get } from 'node:http';

export interface SteadyAnswer {
  readonly client: 'kept' | 'new';
  /** Status, or why there was none. */
  readonly outcome: number | string;
}

/** Longest wait for one answer, in ms. */
const answerMs = 5_000;
/** Requests of each client that are made up for at once, where this process came late to its own clock: the rest is left out. */
const lateMax = 20;

const [url = '', periodMs = ''] = process.argv.slice(2);
const kept = new Agent({ keepAlive: true });
const beganAtMs = performance.now();
let asked = 0;

setInterval(() => {
  const due = Math.floor((performance.now() - beganAtMs) / Number(periodMs));
  for (asked = Math.max(asked, due - lateMax); asked < due; asked += 1) {
    ask('kept', { agent: kept });
    ask('new', { agent: false, headers: { connection: 'close' } });
  }
}, Number(periodMs));

function ask(client: SteadyAnswer['client'], options: Parameters<typeof get>[1]): void {
  const tell = (outcome: SteadyAnswer['outcome']) => {
    process.stdout.write(`${JSON.stringify({ client, outcome } satisfies SteadyAnswer)}\n`);
  };
  const request = get(url, { ...options, timeout: answerMs }, (response) => {
    response.resume();
    response.once('end', () => tell(response.statusCode ?? 'no status'));
    response.once('error', (error) => tell(error.message));
  });
  request.once('timeout', () => request.destroy(new Error('no answer in time')));
  request.once('error', (error) => tell(error.message));
}

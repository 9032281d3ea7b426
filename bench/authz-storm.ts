/**
 * Checks at a fixed pace while the policies change under them: what the slowest wait, and whether one is judged by two policies.
 *
 *   feed: 200 rules, 100 rules, 200 rules, … ──xDS──▶ worker ◀──checks── load          each answer names its revision
 *
 * Half of the checks are allowed by one of the two and denied by the other. Which verdict belongs to which revision is learnt
 * at rest; in the storm any other pair of them is a mixture, and there must be none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProgramFeed } from './authz-feed.ts';
import { Load, type LoadRound } from './authz-load.ts';
import { type AuthzServer, AuthzServers } from './authz-servers.ts';
import { authzWorld, checks, programsOf } from './authz-world.ts';
import type { Bench, BenchSamples, Samples } from './bench.ts';
import { withFolder } from './side-by-side.ts';

/** Of the two contents; the checks are made for the larger. */
const rules = [200, 100] as const;
const messageBytes = 1_024;
const differentChecks = 500;
const checksPerSecond = 2_000;
/** Changes a second; the first is calm, to compare with. */
const rates = [0, 1, 10, 50] as const;
const roundMs = 8_000;
const warmMs = 2_000;
const learnTurnsMax = 10;
const restMs = 1_000;
/** Longest wait for the worker to take something, in ms. */
const ackMs = 10_000;

export const authzStorm: Bench = {
  name: 'authz-storm',
  what: `${checksPerSecond} checks/s while policies change ${rates.slice(1).join(', ')} times a second: p99, and verdicts of mixed revisions (aim: 0)`,
  run({ runs, small, say }) {
    return withFolder(async (folder) => {
      const load = await Load.start();
      const stops: (() => Promise<void>)[] = [() => load.stop()];
      try {
        const servers = await AuthzServers.open(folder);
        const feed = await servers.feed();
        stops.push(() => feed.stop());
        const contents = rules.map((count) => programsOf(authzWorld(count)));
        const server = await servers.worker(contents[0] ?? never(), feed.address);
        stops.push(() => server.stop());
        const storm = new Storm(load, server, feed, contents);
        const share = small ? 0.2 : 1;
        await storm.learn(warmMs * share);
        const rounds = new Map<number, StormRound[]>();
        for (let run = 1; run <= runs; run += 1) {
          for (const rate of rates) {
            const round = await storm.round(rate, roundMs * share);
            say(`run ${run}, ${rate} changes/s: ${JSON.stringify(round)}`);
            rounds.set(rate, [...(rounds.get(rate) ?? []), round]);
          }
        }
        return samplesOf(rounds);
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    });
  },
};

interface StormRound {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses that the worker took meanwhile. */
  readonly changes: number;
  /** Answers whose verdict is not that of the revision they name. */
  readonly mixed: number;
}

class Storm {
  readonly #load: Load;
  readonly #server: AuthzServer;
  readonly #feed: ProgramFeed;
  readonly #contents: readonly ReturnType<typeof programsOf>[];
  readonly #messages = checks(differentChecks, messageBytes, rules[0]);
  /** Pairs of message, verdict and revision that were seen at rest. */
  readonly #right = new Set<string>();
  #at = 0;

  constructor(load: Load, server: AuthzServer, feed: ProgramFeed, contents: readonly ReturnType<typeof programsOf>[]) {
    this.#load = load;
    this.#server = server;
    this.#feed = feed;
    this.#contents = contents;
  }

  /** Asks everything under each content, at rest. The first answers are made by code that is not compiled yet: they count too. */
  async learn(ms: number): Promise<void> {
    for (const _ of this.#contents) {
      await this.#change();
      const seen = new Set<string>();
      for (let turn = 0; turn < learnTurnsMax && seen.size < this.#messages.length; turn += 1) {
        const { answers } = await this.#load.round(this.#server, this.#messages, ms);
        for (const answer of Object.keys(answers)) seen.add(answer);
      }
      if (seen.size !== this.#messages.length) throw new Error(`at rest \`${seen.size}\` verdicts were seen`);
      for (const answer of seen) this.#right.add(answer);
    }
    const verdicts = new Set([...this.#right].map((answer) => answer.split(' ').slice(0, 2).join(' ')));
    if (verdicts.size === this.#messages.length) throw new Error('both policies say the same');
  }

  async round(perSecond: number, ms: number): Promise<StormRound> {
    const before = this.#feed.acked;
    let isOver = false;
    const changing = perSecond === 0 ? undefined : this.#keepChanging(perSecond, () => isOver);
    const round = await this.#load.round(this.#server, this.#messages, ms, checksPerSecond);
    isOver = true;
    await changing;
    await sleep(restMs);
    const { p50Ms, p99Ms } = round;
    return { p50Ms, p99Ms, changes: this.#feed.acked - before, mixed: this.#mixed(round) };
  }

  async #keepChanging(perSecond: number, isOver: () => boolean): Promise<void> {
    const beganMs = performance.now();
    for (let count = 1; !isOver(); count += 1) {
      this.#publish();
      await sleep(Math.max(0, beganMs + (count * 1_000) / perSecond - performance.now()));
    }
  }

  #mixed({ answers }: LoadRound): number {
    return Object.entries(answers).reduce((sum, [answer, count]) => sum + (this.#right.has(answer) ? 0 : count), 0);
  }

  async #change(): Promise<void> {
    const before = this.#feed.acked;
    this.#publish();
    const lateMs = performance.now() + ackMs;
    while (this.#feed.acked === before) {
      if (performance.now() > lateMs) throw new Error(`the worker took no program within ${ackMs} ms`);
      await sleep(10);
    }
  }

  #publish(): void {
    this.#at += 1;
    this.#feed.publish(this.#contents[this.#at % this.#contents.length] ?? never());
  }
}

function samplesOf(rounds: ReadonlyMap<number, readonly StormRound[]>): BenchSamples {
  const metrics: Record<string, Samples> = {};
  for (const [rate, of] of rounds) {
    metrics[`p50_ms_${rate}_changes`] = { unit: 'ms', values: of.map(({ p50Ms }) => p50Ms) };
    metrics[`p99_ms_${rate}_changes`] = { unit: 'ms', values: of.map(({ p99Ms }) => p99Ms) };
    metrics[`taken_${rate}_changes`] = { unit: '', values: of.map(({ changes }) => changes) };
    metrics[`mixed_${rate}_changes`] = { unit: '', values: of.map(({ mixed }) => mixed) };
  }
  const mixed = [...rounds.values()].flat().reduce((sum, round) => sum + round.mixed, 0);
  return { metrics, breaches: mixed === 0 ? [] : [`${mixed} verdicts were not of the revision that they name`] };
}

function never(): never {
  throw new Error('there is no content to publish');
}

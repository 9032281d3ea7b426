/**
 * A case of the suite: a sentence that must hold of any xDS server, tried over both protocols and for each type named.
 *
 *   conform('XDS-14', 'a first request …', { types }, trial ⇒ …) ──▶ one test and one result line per variant
 *
 * On a server of somebody else a case that its adapter cannot prepare is reported as such; on ours there is none.
 */
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import { AdapterClient, NotOffered } from './adapter.ts';
import type { ProtocolName } from './ads-stream.ts';
import { startCoffre } from './coffre-server.ts';
import type { TypeName } from './contents.ts';
import { Pace } from './pace.ts';
import { record, type Verdict } from './results.ts';
import { foreignServer, longForm, rounds, seed } from './settings.ts';
import { Trial } from './trial.ts';

interface Options<T extends TypeName> {
  /** Default: both. */
  readonly protocols?: readonly ProtocolName[];
  readonly types?: readonly T[];
  /** Not the aggregated stream. */
  readonly variant?: string;
}

/** How long one round may take at most, in ms. */
const roundMsMax = 60_000;

export function conform<T extends TypeName>(
  id: `XDS-${string}` | 'choice',
  sentence: string,
  { protocols = ['sotw', 'delta'], types, variant = 'ADS' }: Options<T>,
  run: (trial: Trial, type: T) => Promise<void>,
): void {
  for (const protocol of protocols) {
    for (const type of types ?? [undefined]) {
      const name = [id === 'choice' ? '' : `${id}: `, sentence, ` (${[protocol, type].filter(Boolean).join(', ')})`];
      test(name.join(''), { timeout: roundMsMax * rounds }, async (context) => {
        const startedMs = performance.now();
        const notes = new Set<string>();
        const conclude = (verdict: Verdict, why?: string) => {
          const ms = Math.round(performance.now() - startedMs);
          const note = [...(why === undefined ? [] : [why]), ...notes].join('; ');
          record({ case: id, sentence, variant, protocol, type: type ?? '', verdict, rounds, ms, note });
        };
        try {
          for (let round = 1; round <= rounds; round += 1) {
            const pace = new Pace(seed + round, name.join(''));
            // A case that takes no type does not look at it.
            for (const note of await oneRound(protocol, pace, round, (trial) => run(trial, type as T))) notes.add(note);
          }
        } catch (cause) {
          if (!(cause instanceof NotOffered) || foreignServer === undefined) {
            conclude('fail', firstLine(cause));
            throw cause;
          }
          conclude('not tried', cause.message);
          return context.skip(cause.message);
        }
        conclude('pass');
      });
    }
  }
}

async function oneRound(
  protocol: ProtocolName,
  pace: Pace,
  round: number,
  run: (trial: Trial) => Promise<void>,
): Promise<Iterable<string>> {
  const { address, adapter: url, stop } = await serverUnderTest();
  const adapter = new AdapterClient(url);
  const node = `node-${randomUUID()}`;
  // Listening takes half a second each time: once is enough to find what comes late whatever the delays.
  const listens = longForm && round === 1;
  const trial = new Trial({
    address,
    adapter,
    description: await adapter.description(),
    protocol,
    node,
    pace,
    listens,
  });
  try {
    await run(trial);
    return trial.notes;
  } finally {
    trial.close();
    await stop();
  }
}

async function serverUnderTest() {
  return foreignServer === undefined ? startCoffre() : { ...foreignServer, stop: () => Promise.resolve() };
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
}

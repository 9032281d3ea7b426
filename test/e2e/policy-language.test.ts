/**
 * The language of access policies, three times: the naive oracle, the evaluator, and the RBAC of a real Envoy.
 *
 * Where a rule needs a token or a condition, Envoy alone is a superset: what the evaluator allows it must let pass, and
 * what it lets pass beyond that is counted. Everything else is equal. Raw HTTP over mTLS; the seed is that of the run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { needsWorker } from '../../src/policy/port-policy.ts';
import type { InboundPort } from '../../src/policy/view.ts';
import { requestOf } from '../policy/language/asked-request.ts';
import {
  type Asked,
  callerIds,
  type Drawn,
  doorIn,
  randomQuarantined,
  randomRequest,
  spiffeId,
  viewDrawn,
} from '../policy/language/drawn.ts';
import { expected } from '../policy/language/naive-oracle.ts';
import { enters } from '../policy/language/rbac-interpreter.ts';
import { Callers } from './differential/callers.ts';
import { askInTurn, type Put } from './language/ask-in-turn.ts';
import { bootstrapOf } from './language/envoy-of-policies.ts';
import { type StaticEnvoy, startEnvoy } from './static-envoy.ts';

const policiesDrawn = 200;
const requestsEach = 40;
const seed = Number(process.env['COFFRE_SEED'] ?? 1);
const worlds = fc.sample(randomQuarantined, { numRuns: policiesDrawn, seed });
const requests = fc.sample(randomRequest, { numRuns: policiesDrawn * requestsEach, seed });

let folder: string;
let callers: Callers;
let envoy: StaticEnvoy;
let port: number;
let doors: readonly InboundPort[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coffre-e2e-'));
  callers = await Callers.issue();
  port = await freePort();
  doors = worlds.map((drawn) => doorIn(viewDrawn(drawn)));
  envoy = await startEnvoy(
    folder,
    bootstrapOf(doors, port, callers.of(spiffeId('aurore', 'adele')), callers.trust.rootPem),
  );
});

afterAll(async () => {
  await envoy?.stop();
  callers?.forget();
  await rm(folder, { recursive: true, force: true });
});

test('oracle, evaluator and Envoy agree on thousands of random requests to random policies', async () => {
  const puts = requests.map((asked, index): Put => ({ asked, policy: index % policiesDrawn }));
  const byCaller = callerIds.map((id) => puts.filter(({ asked }) => spiffeId(asked.tenant, asked.account) === id));
  const answers = await Promise.all(
    byCaller.map((own, index) => askInTurn(port, callers.of(callerIds[index] ?? ''), own)),
  );
  const tally = { allow: 0, deny: 0, superset: 0, quarantined: 0 };
  const differences: string[] = [];
  for (const [index, own] of byCaller.entries()) {
    for (const [order, { asked, policy }] of own.entries()) {
      const [drawn, door] = [worlds[policy], doors[policy]];
      const answer = answers[index]?.[order];
      if (drawn === undefined || door === undefined || answer === undefined) throw new Error('a pair was lost');
      const found = compare(drawn, door, asked, answer.status);
      if (answer.seen !== undefined && answer.seen !== asked.path) found.push(`Envoy saw ${answer.seen}`);
      differences.push(...found.map((each) => `${each}: ${JSON.stringify({ drawn, asked })}`));
      const { verdict, quarantined } = expected(drawn, asked);
      if (quarantined) tally.quarantined += 1;
      if (answer.status === 200 && verdict === 'deny') tally.superset += 1;
      else tally[answer.status === 200 ? 'allow' : 'deny'] += 1;
    }
  }
  const { allow, deny, quarantined, superset } = tally;
  console.log(
    `seed ${seed}: ${allow} allowed, ${deny} denied by all (${quarantined} under quarantine); ${superset} left to a worker`,
  );
  expect(differences.slice(0, 10)).toEqual([]);
  expect(Math.min(allow, deny)).toBeGreaterThan(puts.length / 20);
  expect(quarantined).toBeGreaterThan(puts.length / 100);
});

function compare(drawn: Drawn, door: InboundPort, asked: Asked, status: number): string[] {
  const want = expected(drawn, asked);
  const decision = decide(door.policy, requestOf(asked), Date.now()).kind;
  const envoySays = status === 200 ? 'allow' : 'deny';
  const interpreted = enters(door, asked, Date.now()) ? 'allow' : 'deny';
  return [
    ...(decision === want.verdict ? [] : [`the evaluator says ${decision}`]),
    ...(envoySays === want.proxy ? [] : [`Envoy answers ${status}, where its part is ${want.proxy}`]),
    ...(envoySays === want.verdict || needsWorker(door.policy)
      ? []
      : [`Envoy alone answers ${status} to a static policy`]),
    ...(interpreted === envoySays ? [] : [`the interpreter of RBAC says ${interpreted}`]),
    ...(want.verdict === 'allow' && envoySays === 'deny' ? [`Envoy refuses with ${status} what is allowed`] : []),
  ];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : expect.fail('no port is free');
}

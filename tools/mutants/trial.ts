/**
 * What every mutant is put to, in one process, in a few seconds: the first check that sees it is printed.
 *
 * Run inside a copy of the sources that has the mutation. Exit 0: nothing was seen. 1: something was.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { decide } from '../../src/policy/decide.ts';
import { needsWorker } from '../../src/policy/port-policy.ts';
import { programOf, readProgram } from '../../src/policy/program.ts';
import { requestOf } from '../../test/policy/language/asked-request.ts';
import {
  type Drawn,
  doorIn,
  port,
  randomPolicies,
  randomQuarantined,
  randomRequest,
  viewDrawn,
} from '../../test/policy/language/drawn.ts';
import { expected } from '../../test/policy/language/naive-oracle.ts';
import { enters } from '../../test/policy/language/rbac-interpreter.ts';
import { conditionFindings, emissionFindings, opaqueFindings, programFindings, reasonFindings } from './handmade.ts';
import { quarantineFindings } from './quarantine-findings.ts';
import { untoldFindings } from './untold-findings.ts';

const seed = 20_261_122;
const policiesDrawn = 480;
/** Beside them, with somebody who is cut off. */
const quarantinedDrawn = 160;
const requestsEach = 14;
const nowMs = Date.UTC(2026, 10, 22);

function firstFinding(): string | undefined {
  const [byHand] = [
    ...conditionFindings(),
    ...emissionFindings(),
    ...reasonFindings(),
    ...opaqueFindings(),
    ...programFindings(),
    ...quarantineFindings(),
    ...untoldFindings(),
  ];
  if (byHand !== undefined) return byHand;
  const cutOff = randomQuarantined.filter((drawn) => drawn.cutOff !== undefined);
  const worlds = [
    ...fc.sample(randomPolicies, { numRuns: policiesDrawn, seed }),
    ...fc.sample(cutOff, { numRuns: quarantinedDrawn, seed }),
  ];
  const requests = fc.sample(randomRequest, { numRuns: worlds.length * requestsEach, seed });
  for (const [index, drawn] of worlds.entries()) {
    const finding = languageFinding(drawn, requests.slice(index * requestsEach, (index + 1) * requestsEach));
    if (finding !== undefined) return finding;
  }
  return undefined;
}

function languageFinding(drawn: Drawn, requests: Parameters<typeof requestOf>[0][]): string | undefined {
  const view = viewDrawn(drawn);
  const door = doorIn(view);
  const { policy } = door;
  const bytes = toBinary(PolicyProgramSchema, programOf(view));
  const read = readProgram(fromBinary(PolicyProgramSchema, bytes));
  const arrived = read.kind === 'ok' ? read.program.ports.get(port) : undefined;
  if (arrived === undefined || JSON.stringify(arrived, inOrder) !== JSON.stringify(policy, inOrder)) {
    return 'program: what arrives is not what was compiled';
  }
  const isDynamic =
    drawn.grants.some(({ when }) => when !== undefined) ||
    drawn.policies.some(
      ({ enforcement, broken, allow = [], deny = [] }) =>
        enforcement === 'Audit' ||
        (broken !== true && [...allow, ...deny].some((rule) => rule.token !== undefined || rule.when !== undefined)),
    );
  if (needsWorker(policy) && !isDynamic) return 'port policy: a worker is asked for nothing';
  for (const asked of requests) {
    const want = expected(drawn, asked);
    const decision = decide(arrived, requestOf(asked), nowMs);
    if (decision.kind !== want.verdict) return `oracle: the evaluator says ${decision.kind}`;
    if (decision.kind === 'deny' && (decision.reason.kind === 'quarantined') !== want.quarantined) {
      return `oracle: the evaluator says ${decision.reason.kind}`;
    }
    if (decision.kind === 'allow' && (decision.audited === undefined) !== (want.audited === 'allow')) {
      return 'oracle: the evaluator audits otherwise';
    }
    const proxy = enters(door, asked, nowMs);
    if (proxy !== (want.proxy === 'allow')) return `oracle: RBAC says ${proxy ? 'allow' : 'deny'}`;
    if (proxy !== (want.verdict === 'allow') && !needsWorker(policy)) return 'oracle: no worker is asked';
  }
  return undefined;
}

/** Keys of an object in one order: what was read and what was compiled spell the same value. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}

try {
  const finding = firstFinding();
  if (finding !== undefined) {
    console.log(finding);
    process.exitCode = 1;
  }
} catch (error) {
  console.log(`it throws: ${error instanceof Error ? error.message.split('\n')[0] : 'unknown'}`);
  process.exitCode = 1;
}

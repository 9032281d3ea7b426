/**
 * One policy, two enforcers: what `decide` says of every caller and request, beside what a real Envoy did.
 *
 *   World ──configure──▶ resources ──edit──▶ Envoy ──▶ outcomes      World ──viewOf──▶ PortPolicy ──decide──▶ wants
 */
import { configure } from '../../../src/controller/configure.ts';
import { sniOf } from '../../../src/envoy/names.ts';
import { type AccessRequest, decide } from '../../../src/policy/decide.ts';
import type { PortPolicy } from '../../../src/policy/port-policy.ts';
import { viewOf } from '../../../src/policy/view.ts';
import type { ResourceSnapshot } from '../../../src/xds/resource.ts';
import { platform } from '../../fixtures/configured.ts';
import { askedHost, Conversation, type Outcome } from './ask.ts';
import { type Callers, callers, tenantOf } from './callers.ts';
import { asEmitted, markOf, type RulesEdit, withMark } from './edit-routes.ts';
import { bypass, type OneSidecar } from './one-sidecar.ts';
import { type Spelling, spellings } from './spellings.ts';
import { compiledMs, type World } from './worlds.ts';

export interface Rig {
  readonly sidecar: OneSidecar;
  readonly callers: Callers;
}

export interface Comparison {
  /** Lines to read: who asked what, what was wanted, what was found. */
  readonly differences: readonly string[];
  /** Pairs of policy and request, by outcome: agreement about nothing would be no agreement. */
  readonly tally: ReadonlyMap<string, number>;
}

/** Longest wait for published routes to be in force, in ms: a poll's bound. */
const forceMs = 20_000;
const methods = ['GET', 'POST', 'DELETE', 'OPTIONS'];
const requests = spellings.flatMap((spelling) => methods.map((method) => ({ method, spelling })));

let generations = 0;

/** @param edit what goes wrong on the way; by default nothing. */
export async function compareHttp(rig: Rig, world: World, edit: RulesEdit = asEmitted): Promise<Comparison> {
  const generation = ++generations;
  await rig.sidecar.publish(withMark(resourcesOf(rig, world), generation, edit));
  const { inbound } = viewOf(world.snapshot, world.workload, compiledMs);
  for (const { port } of inbound) await inForce(rig, world, port, generation);
  const found = new Findings();
  for (const port of inbound) {
    await Promise.all(
      attempts(world).map(async ({ principal, sni }) => {
        const conversation = await converse(rig, port.port, principal, sni);
        const first = await conversation.ask({ method: 'GET', path: markOf(generation) });
        // Behind a shut door one question is as good as all.
        const questions = first === 'wall' ? requests.slice(0, 1) : requests;
        const answers = first === 'wall' ? [first] : await Promise.all(questions.map(asked(conversation)));
        conversation.end();
        for (const [index, { method, spelling }] of questions.entries()) {
          const want = wanted(port.policy, principal, sni, method, spelling);
          const who = `${principal} as \`${sni}\` at ${port.port}: ${method} ${spelling.asked}`;
          found.add(who, want, answers[index] ?? 'nothing');
        }
      }),
    );
  }
  return found;
}

/**
 * Behind an opaque port stands a list of names, made when the configuration is compiled: beside `decide` the caller must
 * have a workload in the mesh. A grant that ends later, with nobody left to compile anew, is ended by Envoy's RBAC, which
 * judges at the first byte of the caller: an application that speaks first is `greeted` with, and the caller not heard.
 */
export async function compareTcp(rig: Rig, world: World): Promise<Comparison> {
  await rig.sidecar.publish(resourcesOf(rig, world));
  const found = new Findings();
  const names = new Set([...world.snapshot.workloads.values()].map(({ spiffeId }) => spiffeId));
  for (const { port, policy } of viewOf(world.snapshot, world.workload, compiledMs).inbound) {
    await Promise.all(
      attempts(world).map(async ({ principal, sni }) => {
        const allowedAt = (ms: number) => decide(policy, { kind: 'tcp', principal }, ms).kind === 'allow';
        const isNamed = names.has(principal) && sni === tenantOf(principal) && allowedAt(compiledMs);
        const want = !isNamed ? 'wall' : allowedAt(Date.now()) ? 'heard' : 'greeted';
        found.add(`${principal} as \`${sni}\` at ${port}`, want, await greet(rig, port, principal, sni));
      }),
    );
  }
  return found;
}

/** Every caller under its own name, and, where that is another, under the name of the tenant that it calls. */
function attempts({ workload }: World): readonly { principal: string; sni: string }[] {
  return callers.flatMap((principal) =>
    [...new Set([tenantOf(principal), workload.tenant])].map((sni) => ({ principal, sni })),
  );
}

function resourcesOf({ callers: { trust } }: Rig, { snapshot, workload }: World): ResourceSnapshot {
  const { proxies, failed } = configure(snapshot, trust, { ...platform, bypass }, compiledMs);
  const resources = proxies.get(workload.key);
  if (resources === undefined) throw new Error(`\`${workload.key}\` was not configured: ${JSON.stringify(failed)}`);
  return resources;
}

/** An SNI that is not one's own leads nowhere; what no reading of a path can be trusted with is refused before any rule. */
function wanted(policy: PortPolicy, principal: string, sni: string, method: string, spelling: Spelling): Outcome {
  const { seen } = spelling;
  const [path = ''] = seen.split('?');
  const request: AccessRequest = { kind: 'http', principal, method, path, host: askedHost };
  const decision = decide(policy, request, Date.now());
  const atTheWall = decision.kind === 'deny' && ['tenant-wall', 'no-identity'].includes(decision.reason.kind);
  if (sni !== tenantOf(principal) || atTheWall) return 'wall';
  if (seen === '400') return '400';
  return decision.kind === 'allow' ? seen : '403';
}

function asked(conversation: Conversation) {
  return ({ method, spelling }: { method: string; spelling: Spelling }) =>
    conversation.ask({ method, path: spelling.asked });
}

async function inForce(rig: Rig, { workload }: World, port: number, generation: number): Promise<void> {
  const deadline = performance.now() + forceMs;
  for (;;) {
    const conversation = await converse(rig, port, workload.spiffeId, workload.tenant);
    const answer = await conversation.ask({ method: 'GET', path: markOf(generation) });
    conversation.end();
    if (answer === '204') return;
    if (performance.now() > deadline) throw new Error(`port ${port} is not in force: its mark is answered ${answer}`);
  }
}

async function converse({ sidecar, callers }: Rig, port: number, principal: string, tenant: string) {
  const options = { servername: sniOf(tenant), ALPNProtocols: ['h2'] };
  return new Conversation(await sidecar.dialTls(port, callers.of(principal), options));
}

/** `heard` where the application's greeting came and then the echo of what was said to it. */
async function greet({ sidecar, callers }: Rig, port: number, principal: string, tenant: string): Promise<Outcome> {
  const socket = await sidecar.dialTls(port, callers.of(principal), { servername: sniOf(tenant) });
  const said = 'is anybody there';
  let text = '';
  return new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      if (text === '') socket.write(said);
      text += bytes.toString();
      if (text.endsWith(said)) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(text === '' ? 'wall' : text.endsWith(said) ? 'heard' : 'greeted'));
  });
}

class Findings implements Comparison {
  readonly differences: string[] = [];
  readonly tally = new Map<string, number>();

  add(who: string, want: Outcome, found: Outcome): void {
    if (found !== want) this.differences.push(`${who}: ${want} is wanted, Envoy says ${found}`);
    const kind = found.startsWith('/') ? 'allowed' : found;
    this.tally.set(kind, (this.tally.get(kind) ?? 0) + 1);
  }
}

/**
 * What each method of the door answers, within the scope of who asks. What lies outside a scope looks like what is not
 * there: in status, in code, and in words.
 */

import type { DrillEngine } from '../chaos/drill-engine.ts';
import type { ConfirmAnswer } from '../controller/loss-guard.ts';
import type { Rotations, RotationView } from '../controller/rotations.ts';
import type { RotationStatus } from '../identity/authority.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { type Destination, type Explanation, explain, type Question } from '../policy/explain.ts';
import { readHeaderLines, readStatedToken } from '../policy/stated-request.ts';
import type { AlertDoor, DrillAnswers } from './drills.ts';
import { type AskLeader, answerOfReplicas } from './drills-of-replicas.ts';
import { type DrillRequests, isDrillCall } from './drills-requests.ts';
import { answerEvidenceCall, type EvidenceAnswers, type EvidenceDesk } from './evidence.ts';
import { type EvidenceRequests, isEvidenceCall } from './evidence-requests.ts';
import { type MeshStatus, type MeshView, meshStatus } from './mesh-status.ts';
import type { Caller, MethodName } from './methods.ts';
import { notReady } from './not-ready.ts';
import { type Scope, sees } from './person.ts';
import { answerProxyCall, isProxyCall, type ProxyAnswers, type ProxyRequests } from './proxies.ts';
import type { ProxiesPort } from './proxies-port.ts';
import { type ProxyFolder, readProxyFolder } from './proxy-folder.ts';
import { answerQuarantineCall, type QuarantineAnswers, type QuarantineDesk } from './quarantine.ts';
import { isQuarantineCall, type QuarantineRequests } from './quarantine-requests.ts';

/** What the door is told about the control plane behind it. */
export interface ManagementPorts {
  nowMs(): number;
  view(): MeshView;
  /** The mesh with all its grants, ended ones too; undefined until it was read. */
  wholeSnapshot(): Snapshot | undefined;
  /** Undefined until there is a CA. */
  rotations(): Pick<Rotations, 'begin' | 'abort' | 'list'> | undefined;
  /** Lets go what is held of lost objects, if it is this loss. */
  confirmLoss(loss: string): ConfirmAnswer;
  /** Undefined until there is a mesh to strike. */
  drills(): DrillEngine | undefined;
  /** Of several replicas one runs the drills. Absent: there is one. */
  readonly askLeader?: AskLeader;
  /** Undefined until there is a mesh whose evidence it would be. */
  evidence(): EvidenceDesk | undefined;
  /** Undefined until there is a CA. */
  proxies(): ProxiesPort | undefined;
  /** Folder in which each workload has what its sidecar needs. */
  readonly workloads: string;
  /** Undefined until there is a CA. Absent: nobody keeps any. */
  quarantines?(): QuarantineDesk | undefined;
}

export interface Answers extends DrillAnswers, EvidenceAnswers, ProxyAnswers, QuarantineAnswers {
  status: MeshStatus;
  explain: Explanation;
  rotations: readonly RotationView[];
  rotateIntermediate: RotationStatus;
  confirmLoss: { readonly objects: number };
  proxyFiles: ProxyFolder;
  alerts: AlertDoor['answer'];
}

export interface Requests extends DrillRequests, EvidenceRequests, ProxyRequests, QuarantineRequests {
  status: Record<string, never>;
  explain: Question;
  rotations: Record<string, never>;
  rotateIntermediate: { readonly tenant: string; readonly abort: boolean };
  confirmLoss: { readonly loss: string };
  proxyFiles: { readonly workload: string };
  alerts: AlertDoor['request'];
}

export type Answer<Name extends MethodName> =
  | { readonly kind: 'ok'; readonly value: Answers[Name] }
  | {
      /** `refused`: the caller may ask, and rules say no; `store`: it could not be written down, so it was not done. */
      readonly kind: 'bad-request' | 'not-found' | 'refused' | 'conflict' | 'not-ready' | 'store';
      readonly message: string;
      readonly advice: string;
    };

const alone: AskLeader = async () => undefined;

/**
 * @param scope of the caller, as `mayCall` granted it.
 * @param body JSON value from the wire.
 */
export async function answer(
  ports: ManagementPorts,
  method: MethodName,
  caller: Caller,
  scope: Scope,
  body: unknown,
): Promise<Answer<MethodName>> {
  if (method === 'alerts' || isDrillCall(method)) {
    const engine = ports.drills();
    if (engine === undefined) return notReady;
    return answerOfReplicas(engine, ports.askLeader ?? alone, { method, caller, body });
  }
  if (isEvidenceCall(method)) {
    const desk = ports.evidence();
    return desk === undefined ? notReady : answerEvidenceCall(desk, method, caller, scope, body);
  }
  if (isQuarantineCall(method)) {
    const desk = ports.quarantines?.();
    return desk === undefined ? notReady : answerQuarantineCall(desk, method, caller, scope, body);
  }
  if (isProxyCall(method)) return answerProxyCall(ports, method, scope, body);
  switch (method) {
    case 'status':
      return { kind: 'ok', value: meshStatus(ports.view(), scope, ports.nowMs()) };
    case 'explain':
      return answerExplain(ports, scope, body);
    case 'rotations':
      return answerRotations(ports, scope);
    case 'rotateIntermediate':
      return answerRotate(ports, scope, body);
    case 'confirmLoss':
      return answerConfirmLoss(ports, scope, body);
    case 'proxyFiles':
      return answerProxyFiles(ports, scope, body);
  }
}

function answerExplain(ports: ManagementPorts, scope: Scope, body: unknown): Answer<'explain'> {
  const question = readQuestion(body);
  if (question === undefined) {
    return bad('the question is not whole', 'give `from`, `to` (a service or an address) and perhaps `request`');
  }
  const snapshot = ports.wholeSnapshot();
  if (snapshot === undefined) return notReady;
  const owner = ownerOf(snapshot, question.to);
  // A reason is the destination's to tell: to anybody else the destination is not there.
  if (scope.kind === 'tenant' && (owner === undefined || !sees(scope, owner))) {
    return {
      kind: 'not-found',
      message: `there is no such destination in tenant \`${scope.tenant}\``,
      advice: 'the reason of a refusal is told to the tenant that refused: ask its owner, with the decision id',
    };
  }
  const value = explain(snapshot, question, ports.nowMs());
  // What is in force lacks what has ended, and so has a revision of its own: the one that decisions are recorded with.
  const { revision = snapshot.revision } = ports.view().snapshot ?? {};
  return { kind: 'ok', value: value.kind === 'judged' ? { ...value, revision } : value };
}

async function answerProxyFiles(ports: ManagementPorts, scope: Scope, body: unknown): Promise<Answer<'proxyFiles'>> {
  const workload = fieldOf(body, 'workload');
  if (typeof workload !== 'string') return bad('no workload is named', 'give `workload` as `namespace/pod`');
  const { snapshot } = ports.view();
  if (snapshot === undefined) return notReady;
  const known = snapshot.workloads.get(workload);
  if (known !== undefined && sees(scope, known.tenant) && snapshot.quarantines.has(known.spiffeId)) {
    return {
      kind: 'refused',
      message: `\`${workload}\` is under quarantine, and gets no token`,
      advice: 'once the cause is gone, `coffre quarantine WORKLOAD --release`',
    };
  }
  const folder =
    known !== undefined && sees(scope, known.tenant) ? await readProxyFolder(ports.workloads, workload) : undefined;
  if (folder !== undefined) return { kind: 'ok', value: folder };
  return {
    kind: 'not-found',
    message: `there is no workload \`${workload}\` that could have a proxy`,
    advice: 'write its Pod, with an address, in a namespace that has a Tenant; `coffre status` lists what there is',
  };
}

function answerRotations(ports: ManagementPorts, scope: Scope): Answer<'rotations'> {
  const rotations = ports.rotations();
  if (rotations === undefined) return notReady;
  const seen = rotations.list().filter(({ tenant }) => sees(scope, tenant));
  const ownHoldouts = (view: RotationView) => view.holdouts.filter(({ workload }) => sees(scope, tenantOf(workload)));
  return { kind: 'ok', value: seen.map((view) => ({ ...view, holdouts: ownHoldouts(view) })) };
}

async function answerRotate(
  ports: ManagementPorts,
  scope: Scope,
  body: unknown,
): Promise<Answer<'rotateIntermediate'>> {
  const [tenant, abort] = [fieldOf(body, 'tenant'), fieldOf(body, 'abort')];
  if (typeof tenant !== 'string' || typeof abort !== 'boolean') {
    return bad('the request is not whole', 'give `tenant`, and `abort` as true or false');
  }
  const [rotations, { snapshot }] = [ports.rotations(), ports.view()];
  if (rotations === undefined || snapshot === undefined) return notReady;
  if (!snapshot.tenants.has(tenant) || !sees(scope, tenant)) {
    return {
      kind: 'not-found',
      message: `there is no tenant \`${tenant}\``,
      advice: '`coffre status` lists what there is',
    };
  }
  const answer = await (abort ? rotations.abort(tenant) : rotations.begin(tenant));
  if (answer.kind === 'accepted') return { kind: 'ok', value: answer.rotation };
  return { kind: 'conflict', message: answer.message, advice: answer.advice };
}

/** A source is everybody's, and so is the loss of it. */
function answerConfirmLoss(ports: ManagementPorts, scope: Scope, body: unknown): Answer<'confirmLoss'> {
  const loss = fieldOf(body, 'loss');
  if (typeof loss !== 'string') return bad('no loss is named', 'give `loss` as `coffre status` names it');
  if (scope.kind === 'tenant') {
    return {
      kind: 'refused',
      message: 'a loss may be of any tenant, and you speak for one',
      advice: 'ask an operator of the whole mesh',
    };
  }
  const answer = ports.confirmLoss(loss);
  if (answer.kind === 'confirmed') return { kind: 'ok', value: { objects: answer.objects } };
  return { kind: 'conflict', message: answer.message, advice: answer.advice };
}

/** @param workload `namespace/name`. */
function tenantOf(workload: string): string {
  return workload.slice(0, workload.indexOf('/'));
}

function ownerOf(snapshot: Snapshot, to: Destination): string | undefined {
  if (to.kind === 'service') return snapshot.services.get(to.service)?.tenant;
  return [...snapshot.workloads.values()].find(({ addresses }) => addresses.includes(to.address))?.tenant;
}

function readQuestion(body: unknown): Question | undefined {
  const [from, to, request] = [fieldOf(body, 'from'), fieldOf(body, 'to'), fieldOf(body, 'request')];
  const destination = readDestination(to);
  if (typeof from !== 'string' || destination === undefined) return undefined;
  if (request === undefined) return { from, to: destination };
  const [method, path] = [fieldOf(request, 'method'), fieldOf(request, 'path')];
  if (typeof method !== 'string' || typeof path !== 'string') return undefined;
  const [host, headers] = [fieldOf(request, 'host'), readHeaderLines(fieldOf(request, 'headers'))];
  const token = readStatedToken(fieldOf(request, 'token'));
  return {
    from,
    to: destination,
    request: {
      ...{ method, path },
      ...(typeof host === 'string' ? { host } : {}),
      ...(headers === undefined ? {} : { headers }),
      ...(token === undefined ? {} : { token }),
    },
  };
}

function readDestination(to: unknown): Destination | undefined {
  const [service, address, port] = [fieldOf(to, 'service'), fieldOf(to, 'address'), fieldOf(to, 'port')];
  if (typeof service === 'string') {
    return { kind: 'service', service, ...(typeof port === 'number' ? { port } : {}) };
  }
  return typeof address === 'string' && typeof port === 'number' ? { kind: 'address', address, port } : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function bad(message: string, advice: string) {
  return { kind: 'bad-request', message, advice } as const;
}

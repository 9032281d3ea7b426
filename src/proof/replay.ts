/**
 * Recorded calls, judged again by one mesh.
 *
 *   call ──▶ workload and port it came to ──compiled, with its ends as of now──▶ policy ──▶ allow, deny, unknown
 *                                     └──▶ nobody is there: what is not declared is closed
 *
 * What was judged is remembered by what can matter: most calls of a day ask the same again.
 */
import type { Service, ServicePort, Snapshot, Workload } from '../model/snapshot.ts';
import { type DenyReason, decide } from '../policy/decide.ts';
import { inboundOf } from '../policy/inbound-view.ts';
import { type Moment, momentOf } from '../policy/moment.ts';
import type { PortPolicy, Rule } from '../policy/port-policy.ts';
import type { InboundPort } from '../policy/view.ts';
import { endsAsOf } from './ends-as-of.ts';
import { type Hinge, PartialJudge } from './partial-judge.ts';
import type { RecordedCall } from './recorded-call.ts';
import type { Knowledge } from './unrecorded.ts';

export type Verdict =
  | { readonly kind: 'allow'; readonly rule: Rule }
  | { readonly kind: 'deny'; readonly reason: DenyReason }
  | { readonly kind: 'unknown'; readonly hinges: readonly Hinge[]; readonly residue: string }
  /** No workload, or none that declares the port. */
  | { readonly kind: 'nobody' };

/** Verdicts remembered; then they are all forgotten. A day's traffic asks some thousand different things. */
const verdictsMax = 20_000;

interface Door {
  readonly isOpaque: boolean;
  readonly policy: PortPolicy;
  readonly judges: Readonly<Record<Knowledge, PartialJudge>>;
}

export class Replay {
  readonly #snapshot: Snapshot;
  readonly #nowMs: number;
  readonly #moments = new Map<string, Moment>();
  readonly #doors = new Map<string, ReadonlyMap<number, Door>>();
  readonly #verdicts = new Map<string, Verdict>();

  /** @param snapshot built without a clock, so that what has ended is told as ended. @param nowMs epoch ms. */
  constructor(snapshot: Snapshot, nowMs: number) {
    this.#snapshot = snapshot;
    this.#nowMs = nowMs;
  }

  judge(call: RecordedCall): Verdict {
    const { target } = call;
    if (target.kind === 'workload') return this.#judgeAt(call, target.workload, target.port);
    const { ports = [] } = this.#snapshot.services.get(target.service) ?? {};
    const endpoints = ports.find(({ port }) => port === target.port)?.endpoints ?? [];
    const verdicts = endpoints.map(({ workload, port }) => this.#judgeAt(call, workload, port));
    // Whoever dials a service comes to any of its endpoints: it is in where one of them lets it in.
    return (
      verdicts.find(({ kind }) => kind === 'allow') ??
      verdicts.find(({ kind }) => kind === 'unknown') ??
      verdicts[0] ?? { kind: 'nobody' }
    );
  }

  /** @returns as authors write it, `tenant/service:port`; `namespace/pod:port` where no service leads there. */
  destinationOf({ target }: RecordedCall): string | undefined {
    if (target.kind === 'service') {
      return this.#snapshot.services.has(target.service) ? `${target.service}:${target.port}` : undefined;
    }
    const workload = this.#snapshot.workloads.get(target.workload);
    if (workload === undefined) return undefined;
    const lead = this.#momentOf(workload)
      .leads.get(workload.key)
      ?.find(({ port }) => port === target.port);
    return lead === undefined ? `${target.workload}:${target.port}` : nameOf(lead.service, lead.servicePort);
  }

  #judgeAt(call: RecordedCall, key: string, port: number): Verdict {
    const door = this.#doorsOf(key).get(port);
    if (door === undefined) return { kind: 'nobody' };
    const { caller, request, hadNoToken = false, atMs } = call;
    const judge = door.judges[request === undefined ? 'connection' : 'request'];
    if (!door.isOpaque && judge.knowsTime) return judge.judge(call, atMs);
    const { method, path, host } = request ?? {};
    const asked = JSON.stringify([key, port, caller, method, path, host, hadNoToken]);
    const known = this.#verdicts.get(asked);
    if (known !== undefined) return known;
    const verdict: Verdict = door.isOpaque
      ? decide(door.policy, { kind: 'tcp', principal: caller }, atMs)
      : judge.judge(call, atMs);
    if (this.#verdicts.size >= verdictsMax) this.#verdicts.clear();
    this.#verdicts.set(asked, verdict);
    return verdict;
  }

  #doorsOf(key: string): ReadonlyMap<number, Door> {
    const known = this.#doors.get(key);
    if (known !== undefined) return known;
    const workload = this.#snapshot.workloads.get(key);
    const inbound = workload === undefined ? [] : inboundOf(this.#momentOf(workload), workload);
    const doors = new Map(inbound.map((each) => [each.port, doorOf(each, this.#nowMs)]));
    if (workload !== undefined) this.#doors.set(key, doors);
    return doors;
  }

  /** As of the beginning of time: a grant that has ended is still a rule, and says so. */
  #momentOf({ tenant }: Workload): Moment {
    const known = this.#moments.get(tenant) ?? momentOf(this.#snapshot, tenant, 0);
    this.#moments.set(tenant, known);
    return known;
  }
}

function doorOf(inbound: InboundPort, nowMs: number): Door {
  const policy = endsAsOf(inbound.policy, nowMs);
  return {
    isOpaque: inbound.protocol === 'tcp',
    policy,
    judges: { request: new PartialJudge(policy, 'request'), connection: new PartialJudge(policy, 'connection') },
  };
}

function nameOf({ key }: Service, { port }: ServicePort): string {
  return `${key}:${port}`;
}

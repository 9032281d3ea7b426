/**
 * The drill engine: what people ask of drills, and what the host tells of proxies and of the mesh.
 *
 *   plan ──▶ approve ──▶ start ──▶ run keeper …        everything is judged again at each of them
 *
 * An answer is given in the turn of the question: between the judgement of a start and its record in the journal nothing
 * else can happen in this process, and nothing of another gets past the journal.
 */
import { drillEdge } from '../envoy/drill-edge.ts';
import type { Drill } from '../model/drill.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type {
  Actor,
  Alert,
  DrillAnswer,
  DrillEngine,
  DrillRecord,
  DrillView,
  PlanView,
  SignedReport,
} from './drill-engine.ts';
import { crowdRefusals, type RunningDrill } from './house-rules.ts';
import { Lever, type LeverRecord } from './lever.ts';
import { type DrillPlan, planDrill } from './plan.ts';
import type { DrillPorts } from './ports.ts';
import { formatRefusals, type Refusal } from './refusal.ts';
import type { ReportForm, ReportLanguage } from './report/report-form.ts';
import { signedReport, wantedHappenings } from './report/signed-report.ts';
import { maySee, sightOf, strikeRefusals } from './rights.ts';
import { isActive, type Run } from './run.ts';
import { RunBook, type RunEntry } from './run-book.ts';
import type { RunEvent } from './run-event.ts';
import { RunKeeper } from './run-keeper.io.ts';
import { declaredView, runRecord, runView } from './run-view.ts';
import { struckRecord, struckView } from './struck-view.ts';

/** Life of an approval, in ms: what somebody looked at yesterday is looked at again. */
const approvalMs = 24 * 3_600_000;

/** Longest reason that is kept, in characters. */
const reasonMax = 500;

/** Begins what is read in place of a person's name that was erased; no name holds a colon. */
const namelessMark = 'p:';

interface Planned {
  readonly plan: DrillPlan;
  readonly by: string;
}

export class DrillRunner implements DrillEngine {
  readonly #ports: DrillPorts;
  readonly #book: RunBook;
  readonly #keeper: RunKeeper;
  readonly #lever: Lever;
  /** Newest plan of each drill that is declared. */
  readonly #plans = new Map<string, Planned>();

  /** Finds what the journal says was unfinished, ends it, and looks until every proxy of it is clean. */
  constructor(ports: DrillPorts) {
    this.#ports = ports;
    const records = [...ports.journal.records()];
    this.#book = new RunBook(ports.journal, records);
    this.#lever = new Lever((stream, body) => this.#book.append(stream, body), records);
    this.#keeper = new RunKeeper(ports, this.#book);
    for (const message of ports.journal.findings) ports.observe({ kind: 'store-failed', message });
    for (const entry of this.#book.active()) this.#keeper.abort(entry, 'restart', 'the control plane restarted');
  }

  async plan(drill: string, by: Actor): Promise<DrillAnswer<PlanView>> {
    const planned = this.#plan(drill, by);
    if (planned.kind !== 'ok') return planned;
    this.#plans.set(drill, { plan: planned.value.plan, by: by.name });
    return ok(planned.value.plan.view);
  }

  async approve(drill: string, planHash: string, by: Actor): Promise<DrillAnswer<DrillView>> {
    const ready = this.#ready(drill, planHash, by);
    if (ready.kind !== 'ok') return ready;
    const { definition, plan } = ready.value;
    this.#void(drill, 'another approval took its place');
    return this.#begin(definition, plan, by, [{ kind: 'approved', by: by.name }]);
  }

  async start(drill: string, planHash: string, by: Actor): Promise<DrillAnswer<DrillView>> {
    const ready = this.#ready(drill, planHash, by);
    if (ready.kind !== 'ok') return ready;
    const { snapshot, definition, plan } = ready.value;
    const refusals = [
      ...this.#lever.refusals(),
      ...crowdRefusals(
        definition,
        plan.view,
        this.#book.active().map(({ run }) => runningOf(run)),
        snapshot.mesh,
      ),
    ];
    if (refusals.length > 0) return refused(refusals);
    const started: RunEvent = { kind: 'started', by: by.name };
    const approved = this.#approval(drill, planHash);
    if (plan.view.needsSecondPerson) {
      const missing = secondPersonRefusal(approved?.run, by);
      if (missing !== undefined) return refused([missing]);
    }
    if (approved !== undefined) {
      const message = this.#keeper.apply(approved, [started]);
      return message === undefined ? ok(this.#view(approved, by)) : store(message);
    }
    this.#void(drill, 'it was planned anew and needs no approval');
    return this.#begin(definition, plan, by, [started]);
  }

  async halt(drill: string, by: Actor, reason: string): Promise<DrillAnswer<DrillView>> {
    const entry = this.#visible(drill, by);
    if (entry === undefined) return this.#declared(drill, by) ? neverStarted(drill) : notFound(drill);
    if (entry.run.stage === 'over') {
      const { phase, reason } = this.#view(entry, by);
      const message = `\`${drill}\` is over: ${phase}, ${reason}`;
      return { kind: 'conflict', message, advice: 'nothing is left to halt' };
    }
    this.#keeper.abort(entry, 'halt', haltReason(by, reason), by.name);
    return ok(this.#view(entry, by));
  }

  async haltAll(by: Actor, reason: string): Promise<DrillAnswer<readonly DrillView[]>> {
    const isLever = by.tenant === undefined;
    const unwritten = isLever
      ? this.#lever.pull(by.name, reason.slice(0, reasonMax), this.#ports.clock.nowMs())
      : undefined;
    if (isLever) this.#tellLever();
    const ended = this.#book.all().filter(({ run }) => run.stage !== 'over' && isSeen(by, run));
    for (const entry of ended) this.#keeper.abort(entry, isLever ? 'lever' : 'halt', haltReason(by, reason), by.name);
    if (unwritten === undefined) return ok(ended.map((entry) => this.#view(entry, by)));
    const message = `every drill ends and none begins, but the lever could not be written down: ${unwritten}`;
    return {
      kind: 'store',
      message,
      advice: 'mend the journal and pull it again, or set `drills.halted` in the mesh: a restart forgets it',
    };
  }

  async release(by: Actor): Promise<DrillAnswer<{ readonly released: true }>> {
    if (by.tenant !== undefined) {
      const message = 'the lever is of the whole mesh';
      return { kind: 'refused', message, advice: 'ask somebody who may act for the mesh' };
    }
    const forbidden = strikeRefusals(by);
    if (forbidden.length > 0) return refused(forbidden);
    const unwritten = this.#lever.release(by.name, this.#ports.clock.nowMs());
    this.#tellLever();
    return unwritten === undefined ? ok({ released: true }) : store(unwritten);
  }

  list(by: Actor): readonly DrillView[] {
    const runs = this.#book.all().filter(({ run }) => isSeen(by, run));
    const told = new Set(runs.map(({ run }) => run.drill.key));
    const declared = [...(this.#ports.snapshot()?.drills.values() ?? [])];
    return [
      ...runs.map((entry) => this.#view(entry, by)),
      ...declared
        .filter(({ key, tenant }) => !told.has(key) && maySee(by, tenant))
        .map((drill) => declaredView(drill, this.#plans.has(drill.key))),
    ];
  }

  show(drill: string, by: Actor): DrillAnswer<DrillRecord> {
    const entry = this.#visible(drill, by);
    if (entry !== undefined) {
      const record = runRecord(entry.run, this.#keeper.live(entry), entry.timeline);
      const sight = sightOf(by, entry.run);
      return ok(sight.kind === 'struck' ? struckRecord(record, sight.tenant) : record);
    }
    return this.#declared(drill, by) ? neverStarted(drill) : notFound(drill);
  }

  async report(
    drill: string,
    by: Actor,
    form: ReportForm,
    language: ReportLanguage,
  ): Promise<DrillAnswer<SignedReport>> {
    const shown = this.show(drill, by);
    if (shown.kind !== 'ok') return shown;
    const { evidence, clock, snapshot } = this.#ports;
    const clusters = this.#book.newest(drill)?.run.plan.clusters ?? [];
    const wanted = wantedHappenings(shown.value, clusters, by.tenant, snapshot(), clock.nowMs());
    return ok(await signedReport(evidence, shown.value, wanted, form, language));
  }

  alert({ name, state, startsAtMs, tenant }: Alert): void {
    if (state !== 'firing') return;
    const event: RunEvent = { kind: 'alert', name, ...(startsAtMs === undefined ? {} : { startsAtMs }) };
    for (const entry of this.#book.active()) {
      if (tenant === undefined || tenant === entry.run.drill.tenant) this.#keeper.apply(entry, [event]);
    }
  }

  /** A proxy acknowledged a response. @param resources `<type URL>/<name>` of each that it carried. */
  accepted(proxy: string, resources: Iterable<string>): void {
    this.#keeper.accepted(proxy, [...resources]);
  }

  /** A proxy sent a NACK for its drill layer. */
  refused(proxy: string, reason: string): void {
    this.#keeper.refused(proxy, `refused the layer: ${reason.slice(0, reasonMax)}`);
  }

  /** What lay on a proxy has run out there by itself, or may have. */
  lapsed(proxy: string): void {
    this.#keeper.lapsed(proxy);
  }

  /** A proxy has no ADS stream any more. */
  left(proxy: string): void {
    this.#keeper.left(proxy);
  }

  /** A proxy has one again. */
  returned(proxy: string): void {
    this.#keeper.returned(proxy);
  }

  /** The safety lever as it was moved last, if ever. */
  lever(): LeverRecord | undefined {
    return this.#lever.newest();
  }

  /** Whoever commands has it so: it is to be so when this one does. */
  takeLever(moved: LeverRecord): void {
    const unwritten = this.#lever.take(moved);
    if (unwritten !== undefined) this.#ports.observe({ kind: 'store-failed', message: unwritten });
  }

  /** Something was begun and is not seen to its end yet. */
  isUnderWay(): boolean {
    return this.#keeper.isUnderWay();
  }

  /** The mesh changed, or who commands: consents, rules, drills or targets may have. */
  lookAgain(): void {
    const declared = this.#ports.snapshot()?.drills;
    for (const key of this.#plans.keys()) if (!declared?.has(key)) this.#plans.delete(key);
    this.#keeper.judge();
  }

  /** Lifts what lies on any proxy, in this turn; a later start of the control plane finds the runs and ends them. */
  stop(): void {
    this.#keeper.stop();
  }

  #plan(drill: string, by: Actor): DrillAnswer<{ plan: DrillPlan; snapshot: Snapshot; definition: Drill }> {
    const snapshot = this.#ports.snapshot();
    const definition = this.#declared(drill, by);
    if (snapshot === undefined || definition === undefined) return notFound(drill);
    const forbidden = this.#strikeRefusals(by);
    if (forbidden.length > 0) return refused(forbidden);
    const nowMs = this.#ports.clock.nowMs();
    const result = planDrill({
      snapshot,
      drill: definition,
      edge: drillEdge(snapshot, definition, nowMs),
      connected: this.#ports.connected(),
      number: this.#book.nextNumber(drill),
      nowMs,
    });
    return result.kind === 'refused' ? refused(result.refusals) : ok({ plan: result.plan, snapshot, definition });
  }

  /** Everything that holds of an approval as well as of a start. */
  #ready(
    drill: string,
    planHash: string,
    by: Actor,
  ): DrillAnswer<{ plan: DrillPlan; snapshot: Snapshot; definition: Drill }> {
    const declared = this.#declared(drill, by);
    if (declared === undefined) return notFound(drill);
    const forbidden = this.#strikeRefusals(by);
    if (forbidden.length > 0) return refused(forbidden);
    const blocked = this.#ports.journal.probe();
    if (blocked !== undefined) return store(blocked);
    const newest = this.#book.newest(drill);
    if (newest !== undefined && isActive(newest.run)) {
      const message = `\`${drill}\` runs already, started by \`${newest.run.startedBy}\``;
      return { kind: 'conflict', message, advice: 'watch it, or halt it' };
    }
    const planned = this.#plan(drill, by);
    if (planned.kind !== 'ok' || planned.value.plan.view.hash === planHash) return planned;
    const message = `the plan of \`${drill}\` is now \`${planned.value.plan.view.hash}\`, not \`${planHash.slice(0, 64)}\``;
    return { kind: 'conflict', message, advice: 'plan it again, and look at what changed' };
  }

  #tellLever(): void {
    const lever = this.#lever.newest();
    if (lever !== undefined) this.#ports.observe({ kind: 'lever', lever });
  }

  #strikeRefusals(by: Actor): readonly Refusal[] {
    const outranked = this.#ports.outranked();
    return [...strikeRefusals(by), ...(outranked === undefined ? [] : [outranked])];
  }

  #begin(drill: Drill, plan: DrillPlan, by: Actor, events: readonly RunEvent[]): DrillAnswer<DrillView> {
    const number = this.#book.nextNumber(drill.key);
    const known = this.#plans.get(drill.key);
    const planner = known?.plan.view.hash === plan.view.hash ? known.by : by.name;
    const planned = { kind: 'planned' as const, drill, number, plan, by: planner };
    const { entry, commit } = this.#book.begin(planned, events, this.#ports.clock.nowMs());
    if (commit.kind === 'unwritten') return store(commit.message);
    this.#plans.delete(drill.key);
    this.#keeper.begun(entry, commit);
    return ok(this.#view(entry, by));
  }

  /** An approval that lives, of exactly this plan. */
  #approval(drill: string, planHash: string): RunEntry | undefined {
    const entry = this.#book.newest(drill);
    if (entry?.run.stage !== 'approved' || entry.run.plan.view.hash !== planHash) return undefined;
    return this.#ports.clock.nowMs() - entry.run.approvedAtMs < approvalMs ? entry : undefined;
  }

  #void(drill: string, reason: string): void {
    const entry = this.#book.newest(drill);
    if (entry?.run.stage === 'approved') this.#keeper.abort(entry, 'consent', reason);
  }

  #visible(drill: string, by: Actor): RunEntry | undefined {
    const entry = this.#book.newest(drill);
    return entry !== undefined && isSeen(by, entry.run) ? entry : undefined;
  }

  #declared(drill: string, by: Actor): Drill | undefined {
    const declared = this.#ports.snapshot()?.drills.get(drill);
    return declared !== undefined && maySee(by, declared.tenant) ? declared : undefined;
  }

  /** Of a run that `by` may see. */
  #view(entry: RunEntry, by: Actor): DrillView {
    const view = runView(entry.run, this.#keeper.live(entry));
    const sight = sightOf(by, entry.run);
    return sight.kind === 'struck' ? struckView(view, sight.tenant) : view;
  }
}

function isSeen(by: Actor, run: Run): boolean {
  return sightOf(by, run).kind !== 'nothing';
}

function runningOf({ drill, plan }: Run): RunningDrill {
  return { drill, plan: plan.view };
}

/** Another person than the one who starts it; who holds the state folder is one person like any other. */
function secondPersonRefusal(approved: Run | undefined, by: Actor): Refusal | undefined {
  const advice = 'have somebody else approve this plan, and start it then';
  if (approved === undefined)
    return { message: 'its radius needs a second person, and nobody has approved it', advice };
  if (approved.approvedBy.startsWith(namelessMark)) {
    return { message: 'its radius needs a second person, and it was approved by somebody whose name is gone', advice };
  }
  if (approved.approvedBy !== by.name) return undefined;
  return { message: `its radius needs a second person, and \`${by.name}\` has approved it alone`, advice };
}

function haltReason(by: Actor, reason: string): string {
  return `halted by \`${by.name}\`${reason === '' ? '' : `: ${reason.slice(0, reasonMax)}`}`;
}

function ok<T>(value: T): DrillAnswer<T> {
  return { kind: 'ok', value };
}

type Unanswered = Exclude<DrillAnswer<never>, { kind: 'ok' }>;

function refused(refusals: readonly Refusal[]): Unanswered {
  return { kind: 'refused', ...formatRefusals(refusals) };
}

function store(message: string): Unanswered {
  const advice = 'see that the state folder can be written; no drill starts without its journal';
  return { kind: 'store', message: `the journal cannot be written: ${message}`, advice };
}

function notFound(drill: string): Unanswered {
  return {
    kind: 'not-found',
    message: `there is no drill \`${drill}\``,
    advice: 'see which there are with `coffre drill list`',
  };
}

function neverStarted(drill: string): Unanswered {
  return { kind: 'conflict', message: `\`${drill}\` has never been started`, advice: 'plan it, and start it' };
}

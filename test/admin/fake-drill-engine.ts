/** Drills that are only remembered: the phases, the compare-and-set and the scopes of the real ones, and no mesh. */
import type {
  Actor,
  Alert,
  DrillAnswer,
  DrillEngine,
  DrillPhase,
  DrillRecord,
  DrillView,
  PlanView,
  SignedReport,
} from '../../src/chaos/drill-engine.ts';
import { drillReport } from '../../src/chaos/report/drill-report.ts';
import type { ReportForm, ReportLanguage } from '../../src/chaos/report/report-form.ts';

export class FakeDrillEngine implements DrillEngine {
  readonly heard: Alert[] = [];
  /** Who asked for what, in order. */
  readonly asked: { readonly what: string; readonly by: Actor }[] = [];
  halted = false;
  /** Called before each look at one drill: time goes by between two of them. */
  beforeShow: () => void = () => undefined;
  sign: (text: string) => string = () => 'c2lnbmVk';
  readonly #records: Map<string, DrillRecord>;

  constructor(...records: readonly DrillRecord[]) {
    this.#records = new Map(records.map((record) => [record.drill, record]));
  }

  /** As the runner would, between two questions. */
  move(drill: string, change: Partial<DrillRecord>): void {
    const record = this.#records.get(drill);
    if (record !== undefined) this.#records.set(drill, { ...record, ...change });
  }

  async plan(drill: string, by: Actor): Promise<DrillAnswer<PlanView>> {
    this.asked.push({ what: `plan ${drill}`, by });
    const record = this.#records.get(drill);
    if (record === undefined) return notFound;
    this.move(drill, { phase: 'planned' });
    return { kind: 'ok', value: record.plan };
  }

  approve(drill: string, planHash: string, by: Actor): Promise<DrillAnswer<DrillView>> {
    return this.#step(`approve ${drill}`, drill, planHash, by, ['planned'], { phase: 'approved', approvedBy: by.name });
  }

  start(drill: string, planHash: string, by: Actor): Promise<DrillAnswer<DrillView>> {
    const change = { phase: 'running', startedBy: by.name } as const;
    return this.#step(`start ${drill}`, drill, planHash, by, ['planned', 'approved'], change);
  }

  async halt(drill: string, by: Actor, reason: string): Promise<DrillAnswer<DrillView>> {
    this.asked.push({ what: `halt ${drill}: ${reason}`, by });
    this.move(drill, { phase: 'aborted', reason, haltedBy: by.name });
    return this.show(drill, by);
  }

  async haltAll(by: Actor, reason: string): Promise<DrillAnswer<readonly DrillView[]>> {
    this.asked.push({ what: `haltAll: ${reason}`, by });
    this.halted ||= by.tenant === undefined;
    const struck = this.list(by);
    for (const { drill } of struck) this.move(drill, { phase: 'aborted', reason, haltedBy: by.name });
    return { kind: 'ok', value: struck };
  }

  async release(by: Actor): Promise<DrillAnswer<{ readonly released: true }>> {
    this.asked.push({ what: 'release', by });
    if (by.tenant !== undefined) {
      return { kind: 'refused', message: 'the lever is the mesh’s', advice: 'ask who sees the mesh' };
    }
    this.halted = false;
    return { kind: 'ok', value: { released: true } };
  }

  /** Does not look at the scope, so that whoever shows this must. */
  list(_by: Actor): readonly DrillView[] {
    return [...this.#records.values()];
  }

  show(drill: string, _by: Actor): DrillAnswer<DrillRecord> {
    this.beforeShow();
    const record = this.#records.get(drill);
    return record === undefined ? notFound : { kind: 'ok', value: record };
  }

  async report(
    drill: string,
    by: Actor,
    form: ReportForm,
    language: ReportLanguage,
  ): Promise<DrillAnswer<SignedReport>> {
    this.asked.push({ what: `report ${drill}: ${form} ${language}`, by });
    const record = this.#records.get(drill);
    if (record === undefined) return notFound;
    const text = drillReport({ record, happenings: { each: [], isCut: false }, head: 'here:7:cafe' }, form, language);
    const { phase, verdict } = record;
    return { kind: 'ok', value: { text, signature: this.sign(text), phase, verdict } };
  }

  alert(alert: Alert): void {
    this.heard.push(alert);
  }

  async #step(
    what: string,
    drill: string,
    planHash: string,
    by: Actor,
    from: readonly DrillPhase[],
    change: Partial<DrillRecord>,
  ): Promise<DrillAnswer<DrillView>> {
    this.asked.push({ what, by });
    const record = this.#records.get(drill);
    if (record === undefined) return notFound;
    if (planHash !== record.plan.hash || !from.includes(record.phase)) {
      return { kind: 'conflict', message: `it is ${record.phase}`, advice: 'plan it again' };
    }
    this.move(drill, change);
    return this.show(drill, by);
  }
}

const notFound = { kind: 'not-found', message: 'nowhere', advice: 'look elsewhere' } as const;

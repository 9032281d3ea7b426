/**
 * Drills of a lab's mesh, as its owner runs them: through the control plane's own door, the socket in its state folder.
 *
 *   begin ──plan, start──▶ running ──until(effective)──▶ … ──until(ended)──▶ record
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answers, Requests } from '../admin/answer.ts';
import { managementSocket } from '../admin/door-names.ts';
import { ask } from '../admin/management-client.ts';
import type { MethodName } from '../admin/methods.ts';
import type { DrillPhase, DrillRecord, DrillView, PlanView } from '../chaos/drill-engine.ts';

/** Between two looks at a record, in ms, if nobody says. */
const lookMs = 20;

/** A drill in one of these will not move again. */
const endedPhases: readonly DrillPhase[] = ['completed', 'aborted', 'failed'];

export class DrillControl {
  readonly #path: string;

  /** @param stateFolder of the control plane. */
  constructor(stateFolder: string) {
    this.#path = join(stateFolder, managementSocket);
  }

  plan(drill: string): Promise<PlanView> {
    return this.#ask('drillPlan', { drill });
  }

  /** Plans and starts. @returns the plan that was started. */
  async begin(drill: string): Promise<PlanView> {
    const plan = await this.plan(drill);
    await this.#ask('drillStart', { drill, planHash: plan.hash });
    return plan;
  }

  halt(drill: string, reason: string): Promise<DrillView> {
    return this.#ask('drillHalt', { drill, reason });
  }

  record(drill: string): Promise<DrillRecord> {
    return this.#ask('drill', { drill });
  }

  /**
   * @param everyMs between two looks: a record of many proxies is long.
   * @returns the first record that `holds`. @throws once none will, and after `timeoutMs`, with what the drill came to.
   */
  async until(
    drill: string,
    what: string,
    timeoutMs: number,
    holds: (record: DrillRecord) => boolean,
    everyMs: number = lookMs,
  ): Promise<DrillRecord> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const record = await this.record(drill);
      if (holds(record)) return record;
      if (hasEnded(record) || performance.now() > deadline) {
        const { phase, reason, timeline } = record;
        const last = timeline.slice(-5).map(({ text }) => text);
        const passed = Math.round(timeoutMs + performance.now() - deadline);
        throw new Error(`${what}: not after ${passed} ms; \`${drill}\` is ${phase} (${reason}): ${last.join(' | ')}`);
      }
      await sleep(everyMs);
    }
  }

  /** Every sidecar has its stream again: a drill leaves out whoever has none. */
  async whole(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const { proxies } = await this.#ask('status', {});
      const away = proxies.filter(({ connected }) => connected === undefined).map(({ workload }) => workload);
      if (away.length === 0) return;
      if (performance.now() > deadline) throw new Error(`${away.join(', ')} did not come back in ${timeoutMs} ms`);
      await sleep(lookMs);
    }
  }

  async #ask<Name extends MethodName>(method: Name, request: Requests[Name]): Promise<Answers[Name]> {
    const asked = await ask({ kind: 'socket', path: this.#path }, method, request);
    if (asked.kind === 'answered') return asked.value;
    throw new Error(
      asked.kind === 'refused' ? `${asked.message}; ${asked.advice}` : `the door does not answer: ${asked.why}`,
    );
  }
}

/** Every proxy that the fault was sent to has been seen to have it. */
export function isEffective({ proxies }: DrillView): boolean {
  const struck = proxies.filter(({ state }) => state !== 'excluded');
  return struck.length > 0 && struck.every(({ state }) => state === 'effective');
}

export function hasEnded({ phase }: DrillView): boolean {
  return endedPhases.includes(phase);
}

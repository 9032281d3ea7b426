/**
 * How far each content has come, what was refused, and when to look again.
 *
 *   set(content, trial) ──▶ isTried, isFree, isAlone(unit)      wakeAtMs: the first wait to end      refusals(): one list until it changes
 *
 * Thousands of contents may be on trial while thousands of proxies answer, and each answer asks when to look again and what
 * is refused; so both are known without looking at every trial. Each trial lasts as long as the others: whichever began
 * first ends first.
 */
import { contentsOf, type Refusal, type Trial } from './canary-state.ts';
import type { ContentKey, Unit } from './rollout-unit.ts';

export class CanaryTrials {
  readonly #trials = new Map<ContentKey, Trial>();
  /** Those that are tried, in the order in which they were begun. */
  readonly #tried = new Map<ContentKey, Extract<Trial, { kind: 'tried' }>>();
  /** By proxy and type: what a proxy refused that others took, or that could not wait. */
  readonly #lone = new Map<string, Refusal>();
  /** Absent where something was refused, or is not any more, since it was asked for. */
  #refusals: readonly Refusal[] | undefined = [];

  isKind(content: ContentKey, kind: Trial['kind']): boolean {
    return this.#trials.get(content)?.kind === kind;
  }

  /** Whether this proxy has been given it to try. */
  isTried(unit: Unit, by: string): boolean {
    const trials = contentsOf(unit).map((content) => this.#trials.get(content));
    return (
      trials.some((trial) => trial?.kind === 'tried') &&
      trials.every((trial) => trial?.kind === 'passed' || (trial?.kind === 'tried' && trial.by === by))
    );
  }

  /** Whether nothing of it was refused, and nothing is being tried by another. */
  isFree(unit: Unit, proxy: string): boolean {
    return contentsOf(unit).every((content) => {
      const trial = this.#trials.get(content);
      return trial?.kind === 'tried' ? trial.by === proxy : trial?.kind !== 'refused';
    });
  }

  /** Whether it is tried, and nothing else beside it. */
  isAlone(unit: Unit): boolean {
    return contentsOf(unit).some((content) => {
      const trial = this.#trials.get(content);
      return trial?.kind === 'tried' && trial.alone;
    });
  }

  /** @param trial absent: as if it had never been tried. */
  set(content: ContentKey, trial: Trial | undefined): void {
    if (this.isKind(content, 'refused') || trial?.kind === 'refused') this.#refusals = undefined;
    this.#tried.delete(content);
    if (trial === undefined) this.#trials.delete(content);
    else this.#trials.set(content, trial);
    if (trial?.kind === 'tried') this.#tried.set(content, trial);
  }

  all(): readonly (readonly [ContentKey, Trial])[] {
    return [...this.#trials];
  }

  /** When the first wait ends, as `untilMs` counts; Infinity where nothing is waited for. */
  get wakeAtMs(): number {
    const [first] = this.#tried.values();
    return first?.untilMs ?? Infinity;
  }

  /** Contents whose wait has ended, each with the proxy that tries it. */
  overdue(nowMs: number): readonly (readonly [ContentKey, string])[] {
    const ended: (readonly [ContentKey, string])[] = [];
    for (const [content, { by, untilMs }] of this.#tried) {
      if (untilMs > nowMs) break;
      ended.push([content, by]);
    }
    return ended;
  }

  loneOf(proxy: string, typeUrl: string): Refusal | undefined {
    return this.#lone.get(loneKey(proxy, typeUrl));
  }

  allLone(): readonly Refusal[] {
    return [...this.#lone.values()];
  }

  /** One takes the place of the one before it, of the same proxy and type. */
  setLone(refusal: Refusal): void {
    this.#lone.set(loneKey(refusal.proxy, refusal.typeUrl), refusal);
    this.#refusals = undefined;
  }

  deleteLone({ proxy, typeUrl }: Refusal): void {
    if (this.#lone.delete(loneKey(proxy, typeUrl))) this.#refusals = undefined;
  }

  /** Every refusal in force, once each. */
  refusals(): readonly Refusal[] {
    if (this.#refusals !== undefined) return this.#refusals;
    const held = this.all().flatMap(([, trial]) => (trial.kind === 'refused' ? [trial.refusal] : []));
    this.#refusals = [...new Set([...held, ...this.#lone.values()])];
    return this.#refusals;
  }
}

function loneKey(proxy: string, typeUrl: string): string {
  return `${proxy} ${typeUrl}`;
}

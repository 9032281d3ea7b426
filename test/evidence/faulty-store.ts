/** A store in memory that fails as it is told: what it acknowledged it has, and what it refused it has not. */
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { AppendAnswer, EvidenceStore, SignedHead } from '../../src/evidence/store.ts';

export type Mood = 'well' | 'full' | 'blocked' | 'throws' | 'held';

/** A whole turn of the event loop: every microtask that could run has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class FaultyStore implements Pick<EvidenceStore, 'append'> {
  mood: Mood = 'well';
  readonly kept: EvidenceEvent[] = [];
  /** How many events each write that was kept had. */
  readonly writes: number[] = [];
  #held: (() => void)[] = [];

  async append(events: readonly EvidenceEvent[]): Promise<AppendAnswer> {
    while (this.mood === 'held') await new Promise<void>((resolve) => this.#held.push(resolve));
    switch (this.mood) {
      case 'full':
        return { kind: 'failed', full: true, message: 'no space left' };
      case 'blocked':
        return { kind: 'blocked', message: 'another process has it' };
      case 'throws':
        throw new Error('broken');
      case 'well':
        this.kept.push(...events);
        this.writes.push(events.length);
        return { kind: 'kept', head: this.#head(), skipped: 0 };
    }
  }

  /** Lets writes that are held go on, as the mood says now. */
  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }

  #head(): SignedHead {
    return { replica: 'one', position: this.kept.length, hash: '', atMs: 0, signature: '' };
  }
}

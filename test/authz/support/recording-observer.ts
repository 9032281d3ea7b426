import type { DecisionRecord, Observer } from '../../../src/authz/observer.ts';

/** Keeps what it is told. */
export class RecordingObserver implements Observer {
  readonly records: DecisionRecord[] = [];
  readonly shedPeers: string[] = [];

  decided(record: DecisionRecord): void {
    this.records.push(record);
  }

  shed(peer: string): void {
    this.shedPeers.push(peer);
  }
}

/** How far each sink is behind the store, and what became of what it was given. */
import { instruments } from './instruments.ts';
import type { Meters } from './meters.ts';

export interface SeenSink {
  /** As the mesh's author named it. */
  readonly name: string;
  /** Events in the store that it was not given yet. */
  readonly lag: number;
  /** Since the start of this process. */
  readonly delivered: number;
  readonly deadLetters: number;
  /** Gone from the store before they could be told. */
  readonly lost: number;
}

/** @param sinks what is beyond the bound of the label is not told. */
export function telemetryOfSinks(meters: Meters, sinks: () => readonly SeenSink[]): void {
  const told = () => sinks().slice(0, instruments.sinkLag.labels.sink.valuesMax);
  meters.read(instruments.sinkLag, (tell) => {
    for (const { name, lag } of told()) tell(lag, { sink: name });
  });
  meters.read(instruments.sinkDelivered, (tell) => {
    for (const { name, delivered } of told()) tell(delivered, { sink: name });
  });
  meters.read(instruments.sinkLost, (tell) => {
    for (const { name, lost } of told()) tell(lost, { sink: name });
  });
  meters.read(instruments.sinkDeadLetters, (tell) => {
    for (const { name, deadLetters } of told()) tell(deadLetters, { sink: name });
  });
}

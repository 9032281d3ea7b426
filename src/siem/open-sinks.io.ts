/**
 * The sinks that the mesh wants, and no others: started, stopped and left alone as its rules change.
 *
 *   rules ──▶ by name: new ──▶ started · gone ──▶ stopped · changed ──▶ stopped, then started behind the same cursor · equal ──▶ untouched
 */
import { stdout } from 'node:process';
import { canonicalJson } from '../model/canonical-json.ts';
import type { EvidenceSink } from '../model/evidence-rules.ts';
import { FileSink } from './file-sink.io.ts';
import { Forwarder } from './forwarder.io.ts';
import { HttpSink } from './http-sink.io.ts';
import type { SinkPorts, SinkState } from './ports.ts';
import type { Sink } from './sink.ts';
import { StreamSink } from './stream-sink.io.ts';
import { SyslogSink } from './syslog-sink.io.ts';

export interface OpenSinks {
  /** Resolves when what is gone has stopped; two calls are served one after the other. */
  apply(rules: readonly EvidenceSink[]): Promise<void>;
  /** New events were kept. Cheap: it may be called for each. */
  wake(): void;
  states(): readonly SinkState[];
  /** Resolves in a bound. */
  close(): Promise<void>;
}

interface Running {
  readonly rule: string;
  readonly forwarder: Forwarder;
}

/** @param rules names are unique, as the mesh's own rules see to. */
export function openSinks(rules: readonly EvidenceSink[], ports: SinkPorts): OpenSinks {
  const running = new Map<string, Running>();
  let turn = Promise.resolve();

  async function reconcile(wanted: readonly EvidenceSink[]): Promise<void> {
    const byName = new Map(wanted.map((rule) => [rule.name, rule]));
    const gone = [...running].filter(([name, { rule }]) => rule !== textOf(byName.get(name)));
    await Promise.all(
      gone.map(async ([name, { forwarder }]) => {
        await forwarder.stop();
        running.delete(name);
      }),
    );
    for (const [name, rule] of byName) {
      if (running.has(name)) continue;
      const { classes, wholePaths = false } = rule;
      const telling = { paths: wholePaths ? 'whole' : 'shape' } as const;
      const forwarder = new Forwarder(
        name,
        sinkOf(rule, ports),
        { ...telling, ...(classes ? { classes } : {}) },
        ports,
      );
      running.set(name, { rule: textOf(rule), forwarder });
      forwarder.wake();
    }
  }

  const apply = (wanted: readonly EvidenceSink[]): Promise<void> => {
    turn = turn.then(() => reconcile(wanted));
    return turn;
  };
  void apply(rules);

  return {
    apply,
    wake: () => {
      for (const { forwarder } of running.values()) forwarder.wake();
    },
    states: () => [...running.values()].map(({ forwarder }) => forwarder.state()),
    close: () => apply([]),
  };
}

function sinkOf(rule: EvidenceSink, { clock, store }: SinkPorts): Sink {
  switch (rule.kind) {
    case 'file':
      return new FileSink(rule);
    case 'stdout':
      return new StreamSink(stdout);
    case 'syslog':
      return new SyslogSink(rule, store.replica);
    case 'http':
      return new HttpSink(rule, clock.nowMs);
  }
}

function textOf(rule: EvidenceSink | undefined): string {
  return canonicalJson(rule);
}

/** Snapshots and configurations one after another, in which whatever is equal to what it was is the very same value. */
import type { Snapshot, Workload } from '../../src/model/snapshot.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { configured, versionsOf } from '../fixtures/configured.ts';

export class Kept {
  snapshot: Snapshot | undefined;
  configurations: ReadonlyMap<string, ResourceSnapshot> = new Map();

  /** @param made of `next`. */
  look(next: Snapshot, made = configured(next)): Snapshot {
    const workloads = keep(this.snapshot?.workloads ?? new Map<string, Workload>(), next.workloads, textOf);
    this.configurations = keep(this.configurations, made, (each) => textOf(versionsOf(each)));
    this.snapshot = { ...next, workloads };
    return this.snapshot;
  }
}

function keep<T>(
  former: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
  text: (value: T) => string,
): ReadonlyMap<string, T> {
  const kept = [...next].map(([key, value]) => {
    const before = former.get(key);
    return [key, before !== undefined && text(before) === text(value) ? before : value] as const;
  });
  return new Map(kept);
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_field, part: unknown) => (part instanceof Map ? [...part] : part));
}

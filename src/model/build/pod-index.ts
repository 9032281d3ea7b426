/** The workloads of one namespace by what leads to them; each index is made when it is first asked for. */
import type { Workload } from '../snapshot.ts';
import type { PodWorkload } from './workloads.ts';

export class PodIndex {
  /** Sorted. */
  readonly all: readonly PodWorkload[];
  #byLabel: ReadonlyMap<string, readonly PodWorkload[]> | undefined;
  #byName: ReadonlyMap<string, Workload> | undefined;
  #byAddress: ReadonlyMap<string, Workload> | undefined;

  constructor(all: readonly PodWorkload[]) {
    this.all = all;
  }

  /** Those that carry all these labels, sorted. Without labels, none. */
  selectedBy(labels: Readonly<Record<string, string>>): readonly PodWorkload[] {
    const wanted = Object.entries(labels);
    const [first] = wanted;
    if (first === undefined) return [];
    this.#byLabel ??= byLabel(this.all);
    const candidates = this.#byLabel.get(labelText(...first)) ?? [];
    return candidates.filter(({ workload }) => wanted.every(([key, value]) => workload.labels.get(key) === value));
  }

  named(name: string): Workload | undefined {
    this.#byName ??= new Map(this.all.map(({ workload }) => [workload.name, workload]));
    return this.#byName.get(name);
  }

  /** @param address in its canonical text. */
  at(address: string): Workload | undefined {
    this.#byAddress ??= new Map(
      this.all.flatMap(({ workload }) => workload.addresses.map((each) => [each, workload] as const)),
    );
    return this.#byAddress.get(address);
  }
}

function byLabel(pods: readonly PodWorkload[]): Map<string, PodWorkload[]> {
  const found = new Map<string, PodWorkload[]>();
  for (const pod of pods) {
    for (const [key, value] of pod.workload.labels) {
      const label = labelText(key, value);
      const sharing = found.get(label);
      if (sharing === undefined) found.set(label, [pod]);
      else sharing.push(pod);
    }
  }
  return found;
}

function labelText(key: string, value: string): string {
  return `${key}=${value}`;
}

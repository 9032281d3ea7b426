/**
 * In folder mode the control plane plays the node agent: for every workload it keeps a folder with all that a sidecar
 * needs to start, and renews its token.
 *
 *   WORKLOADS/<namespace>/<pod>/{bootstrap.json, mesh-root.sds.json, token.sds.json, secrets/}
 *   WORKLOADS/<namespace>/<pod>/hosts           lines for its /etc/hosts: names that a cluster's DNS does not know
 *   WORKLOADS/<namespace>/<pod>/services.json   under explicit capture, the same with ports, for programs
 *
 * A look of the loop touches only workloads whose files could say something else now, and reads or writes a file only where
 * one does. What somebody altered or deleted meanwhile is put back by the first look after `restoreMs`; the loop looks once
 * a minute at least.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { workerKey } from '../controller/configure.ts';
import { bootstrapFor } from '../envoy/bootstrap.ts';
import { bypassOf } from '../envoy/platform.ts';
import { type Authority, defaultServerDnsName } from '../identity/authority.ts';
import { forEachBounded } from '../identity/for-each-bounded.ts';
import type { TokenSubject } from '../identity/token-claims.ts';
import { WorkloadFiles } from '../identity/workload-files.io.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import { addressBookOf, hostsText } from '../policy/address-book.ts';
import { type Slices, slicesOf } from '../policy/tenant-slice.ts';
import { viewOf } from '../policy/view.ts';
import { systemClock } from '../system-clock.ts';
import { jitterOf } from '../xds/jitter.ts';
import { contentVersion } from '../xds/resource.ts';

/** Longest that a file which somebody altered or deleted is left so, in ms, until the next look puts it back. */
export const restoreMs = 300_000;

/** Workloads whose files are written at the same time. */
const writingConcurrencyMax = 8;

export interface EquipPorts {
  nowMs(): number;
  /** Writes a file whose content is another; it reads it for that. */
  write(path: string, text: string): Promise<void>;
}

type EquipConfig = Pick<Config, 'workloads' | 'xds' | 'bypass'>;
type EquipAuthority = Pick<Authority, 'rootPem' | 'tokens'>;

const system: EquipPorts = { nowMs: systemClock.nowMs, write: writeIfDifferent };

/** @returns writes what is missing or due for every workload of a snapshot; resolves to the epoch ms of its next work. */
export function equipWorkloads(
  config: EquipConfig,
  authority: EquipAuthority,
  ports: EquipPorts = system,
): (snapshot: Snapshot) => Promise<number> {
  const equipment = new Equipment(config, authority, ports);
  return (snapshot) => equipment.sync(snapshot);
}

/** What was written for one workload. */
interface Equipped {
  readonly workload: Workload;
  readonly source: unknown;
  /** Hash of all its files. */
  readonly content: string;
  /** Epoch ms from which its files are read again, to see that they still say so. */
  readonly checkMs: number;
}

class Equipment {
  readonly #config: EquipConfig;
  readonly #ports: EquipPorts;
  readonly #files: WorkloadFiles;
  readonly #equipped = new Map<string, Equipped>();
  #subjects: readonly TokenSubject[] = [];
  #withheld: ReadonlySet<string> = new Set();
  #slices: Slices | undefined;

  constructor(config: EquipConfig, { rootPem, tokens }: EquipAuthority, ports: EquipPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#files = new WorkloadFiles({ folder: config.workloads, rootPem, tokens, clock: ports });
  }

  async sync(snapshot: Snapshot): Promise<number> {
    const { workloads } = snapshot;
    const nowMs = this.#ports.nowMs();
    this.#subjects = subjectsOf(workloads, this.#subjects);
    this.#withheld = withheldIn(snapshot, this.#withheld);
    const { nextRenewalMs } = await this.#files.sync(this.#subjects, this.#withheld);
    const sources = this.#sourcesOf(snapshot, nowMs);
    const moved: { readonly workload: Workload; readonly source: unknown }[] = [];
    for (const workload of workloads.values()) {
      const source = sources(workload);
      const known = this.#equipped.get(workload.key);
      if (known?.workload !== workload || known.source !== source || known.checkMs <= nowMs) {
        moved.push({ workload, source });
      }
    }
    await forEachBounded(moved, writingConcurrencyMax, (each) => this.#equip(each, snapshot, nowMs));
    if (this.#equipped.size > workloads.size) {
      for (const key of this.#equipped.keys()) if (!workloads.has(key)) this.#equipped.delete(key);
    }
    return nextRenewalMs;
  }

  /** @returns of a workload, what its files are made of beside itself: the very same value where nothing of it moved. */
  #sourcesOf(snapshot: Snapshot, nowMs: number): (workload: Workload) => unknown {
    const { workloads, externalServices } = snapshot;
    const someAreExplicit = [...workloads.values()].some(({ capture }) => capture === 'explicit');
    this.#slices = someAreExplicit ? slicesOf(snapshot, nowMs, this.#slices) : undefined;
    const slices = this.#slices?.slices;
    return ({ capture, tenant }) => (capture === 'explicit' ? slices?.get(tenant) : externalServices.get(tenant));
  }

  async #equip(
    { workload, source }: Pick<Equipped, 'workload' | 'source'>,
    snapshot: Snapshot,
    nowMs: number,
  ): Promise<void> {
    const { key } = workload;
    const known = this.#equipped.get(key);
    const files = this.#filesOf(workload, snapshot, nowMs);
    const content = contentVersion(Buffer.from(JSON.stringify(files)));
    const isDue = known === undefined || known.checkMs <= nowMs;
    if (isDue || known.content !== content) {
      const folder = this.#files.folderOf(key);
      for (const [name, text] of files) await this.#ports.write(join(folder, name), text);
    }
    // Spread, so that what was written in one moment is not read in one.
    const checkMs = isDue ? nowMs + restoreMs * (1 - jitterOf(key) / 2) : known.checkMs;
    this.#equipped.set(key, { workload, source, content, checkMs });
  }

  #filesOf(workload: Workload, snapshot: Snapshot, nowMs: number): readonly (readonly [name: string, text: string])[] {
    const { capture, tenant } = workload;
    const slice = this.#slices?.slices.get(tenant);
    const external = snapshot.externalServices.get(tenant) ?? [];
    const view =
      capture === 'explicit' && slice !== undefined
        ? viewOf(slice.snapshot, workload, nowMs)
        : { workload, outbound: [], external };
    const entries = addressBookOf(view);
    const files = [
      ['bootstrap.json', `${JSON.stringify(this.#bootstrapOf(workload), null, 2)}\n`],
      ['hosts', hostsText(entries)],
    ] as const;
    if (capture === 'transparent') return files;
    return [...files, ['services.json', `${JSON.stringify(entries, null, 2)}\n`]];
  }

  #bootstrapOf(workload: Workload): unknown {
    const { key, tenant } = workload;
    const { xds, bypass } = this.#config;
    const folder = this.#files.folderOf(key);
    return bootstrapFor({
      nodeId: key,
      nodeCluster: tenant,
      controlPlane: xds,
      serverName: defaultServerDnsName,
      adminSocket: join(folder, 'admin.sock'),
      files: {
        rootSds: join(folder, 'mesh-root.sds.json'),
        tokenSds: join(folder, 'token.sds.json'),
        watched: join(folder, 'secrets'),
      },
      bypass: bypassOf(workload, bypass),
    });
  }
}

/** Who has a token: every workload, and the authorization workers. The very same list where it would be equal. */
function subjectsOf(workloads: Snapshot['workloads'], before: readonly TokenSubject[]): readonly TokenSubject[] {
  if (before.length === workloads.size + 1 && areThose(workloads, before)) return before;
  const subjects = [...workloads.values()].map(({ key, serviceAccount }) => ({ workload: key, serviceAccount }));
  return [...subjects, { workload: workerKey, serviceAccount: 'authz' }];
}

/** Whoever is under quarantine gets no new token. @returns the very same value where it is equal. */
function withheldIn({ quarantines, workloads }: Snapshot, before: ReadonlySet<string>): ReadonlySet<string> {
  if (quarantines.size === 0) return before.size === 0 ? before : new Set();
  const withheld = [...workloads.values()].filter(({ spiffeId }) => quarantines.has(spiffeId)).map(({ key }) => key);
  return withheld.length === before.size && withheld.every((key) => before.has(key)) ? before : new Set(withheld);
}

function areThose(workloads: Snapshot['workloads'], subjects: readonly TokenSubject[]): boolean {
  const known = subjects.values();
  for (const { key, serviceAccount } of workloads.values()) {
    const subject = known.next().value;
    if (subject?.workload !== key || subject.serviceAccount !== serviceAccount) return false;
  }
  return true;
}

async function writeIfDifferent(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

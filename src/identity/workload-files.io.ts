/**
 * What a sidecar outside Kubernetes needs on disk before it can speak to us: the mesh root and its own token.
 *
 *   FOLDER/<namespace>/<pod>/secrets/root.crt, secrets/token     rewritten by rename: Envoy's watched_directory sees a move
 *   FOLDER/<namespace>/<pod>/mesh-root.sds.json, token.sds.json  name those files to Envoy's file-based SDS
 *
 * Level-triggered: `sync` is given every workload there is, renews tokens at half life and removes who vanished. Given the
 * very same list before a token is due it does nothing, and folders are looked through only where somebody may have vanished.
 * Only folders that hold our `token.sds.json` are ever removed: a wrong path in a flag must not cost anybody's files.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder, writeFileAtomic, writeIfDifferent } from './atomic-file.io.ts';
import { forEachBounded } from './for-each-bounded.ts';
import type { Clock } from './ports.ts';
import { renewAtMs } from './renewal-schedule.ts';
import { rootSds, sdsFileNames, tokenSds } from './sds-files.ts';
import { isWorkloadKey, type TokenSubject } from './token-claims.ts';
import type { TokenIssuer } from './token-issuer.io.ts';

/** Workloads written at the same time. */
const writingConcurrencyMax = 8;

export interface WorkloadFilesOptions {
  /** Absolute, since Envoy reads the paths from another working directory. */
  readonly folder: string;
  readonly rootPem: string;
  readonly tokens: TokenIssuer;
  readonly clock: Clock;
}

export interface WorkloadFilesResult {
  /** Workload keys whose token was written, sorted. */
  readonly renewed: readonly string[];
  readonly removed: readonly string[];
  /** Epoch ms of the next token's half life; Infinity without workloads. */
  readonly nextRenewalMs: number;
}

/** What a pass left nothing undone of. */
interface Done {
  readonly workloads: readonly TokenSubject[];
  readonly withheld: ReadonlySet<string>;
  readonly nextRenewalMs: number;
}

const nobody: ReadonlySet<string> = new Set();

export class WorkloadFiles {
  readonly #options: WorkloadFilesOptions;
  /** Epoch ms at which each workload's token is due; a new process writes every token anew. */
  readonly #dueMs = new Map<string, { readonly serviceAccount: string; readonly atMs: number }>();
  /** What the last pass left nothing undone of. */
  #done: Done | undefined;

  constructor(options: WorkloadFilesOptions) {
    this.#options = options;
  }

  /** Folder of one workload's files. */
  folderOf(workload: string): string {
    if (!isWorkloadKey(workload)) throw new Error(`\`${workload}\` is no workload key`);
    return join(this.#options.folder, workload);
  }

  /** @param withheld workloads that get no new token: what they have is left to end. */
  async sync(workloads: readonly TokenSubject[], withheld: ReadonlySet<string> = nobody): Promise<WorkloadFilesResult> {
    const nowMs = this.#options.clock.nowMs();
    const done = this.#done;
    if (done?.workloads === workloads && done.withheld === withheld && nowMs < done.nextRenewalMs) {
      return { renewed: [], removed: [], nextRenewalMs: done.nextRenewalMs };
    }
    const wanted = new Set(workloads.map(({ workload }) => workload));
    const renewed: string[] = [];
    await makePrivateFolder(this.#options.folder);
    const removed = this.#mayHaveVanished(wanted) ? await this.#removeVanished(wanted) : [];
    this.#done = undefined;
    for (const workload of this.#dueMs.keys()) if (!wanted.has(workload)) this.#dueMs.delete(workload);
    await forEachBounded(workloads, writingConcurrencyMax, async (subject) => {
      if (withheld.has(subject.workload)) {
        this.#dueMs.delete(subject.workload);
        return;
      }
      const due = this.#dueMs.get(subject.workload);
      if (due !== undefined && due.serviceAccount === subject.serviceAccount && nowMs < due.atMs) return;
      await this.#write(subject);
      renewed.push(subject.workload);
    });
    let nextRenewalMs = Infinity;
    for (const { atMs } of this.#dueMs.values()) nextRenewalMs = Math.min(nextRenewalMs, atMs);
    this.#done = { workloads, withheld, nextRenewalMs };
    return { renewed: renewed.sort(), removed, nextRenewalMs };
  }

  /** Secrets first, then the files that name them, so that Envoy never reads a name without content. */
  async #write(subject: TokenSubject): Promise<void> {
    const { rootPem, tokens } = this.#options;
    const folder = this.folderOf(subject.workload);
    const secrets = join(folder, 'secrets');
    const rootFile = join(secrets, 'root.crt');
    const tokenFile = join(secrets, 'token');
    const { token, issuedAtMs, expiresAtMs } = await tokens.mintToken(subject);
    await makePrivateFolder(secrets);
    await writeIfDifferent(rootFile, rootPem);
    await writeFileAtomic(tokenFile, token);
    await writeIfDifferent(join(folder, sdsFileNames.root), rootSds(rootFile, secrets));
    await writeIfDifferent(join(folder, sdsFileNames.token), tokenSds(tokenFile));
    const atMs = renewAtMs(subject.workload, { notBeforeMs: issuedAtMs, notAfterMs: expiresAtMs });
    this.#dueMs.set(subject.workload, { serviceAccount: subject.serviceAccount, atMs });
  }

  /** An earlier process may have left folders, and so may a pass that failed. */
  #mayHaveVanished(wanted: ReadonlySet<string>): boolean {
    return this.#done === undefined || this.#done.workloads.some(({ workload }) => !wanted.has(workload));
  }

  async #removeVanished(wanted: ReadonlySet<string>): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const namespace of await foldersIn(this.#options.folder)) {
      for (const pod of await foldersIn(join(this.#options.folder, namespace))) {
        const workload = `${namespace}/${pod}`;
        if (wanted.has(workload) || !isWorkloadKey(workload)) continue;
        const folder = this.folderOf(workload);
        if (!(await exists(join(folder, sdsFileNames.token)))) continue;
        await rm(folder, { recursive: true, force: true });
        removed.push(workload);
      }
    }
    return removed.sort();
  }
}

/** Real folders only: a symbolic link is not followed, and so never emptied. */
async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * What a sidecar outside Kubernetes needs on disk before it can speak to us: the mesh root and its own token.
 *
 *   FOLDER/<namespace>/<pod>/secrets/root.crt, secrets/token     rewritten by rename: Envoy's watched_directory sees a move
 *   FOLDER/<namespace>/<pod>/mesh-root.sds.json, token.sds.json  name those files to Envoy's file-based SDS
 *
 * Level-triggered: `sync` is given every workload there is, renews tokens at half life and removes who vanished. Given the
 * very same list before a token is due it does nothing, and folders are looked through only where somebody may have vanished.
 * A token of the future is due as well: after the clock was set back nobody would believe it until its time has come again.
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
  /** Epoch ms of the pass. */
  readonly atMs: number;
  readonly nextRenewalMs: number;
}

/** What a workload's token says, in epoch ms, and when it is due. */
interface Written {
  readonly serviceAccount: string;
  readonly issuedAtMs: number;
  readonly dueMs: number;
}

const nobody: ReadonlySet<string> = new Set();

export class WorkloadFiles {
  readonly #options: WorkloadFilesOptions;
  /** By workload; a new process writes every token anew. */
  readonly #written = new Map<string, Written>();
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
    const isInTime = done !== undefined && done.atMs <= nowMs && nowMs < done.nextRenewalMs;
    if (isInTime && done.workloads === workloads && done.withheld === withheld) {
      return { renewed: [], removed: [], nextRenewalMs: done.nextRenewalMs };
    }
    const wanted = new Set(workloads.map(({ workload }) => workload));
    const renewed: string[] = [];
    await makePrivateFolder(this.#options.folder);
    const removed = this.#mayHaveVanished(wanted) ? await this.#removeVanished(wanted) : [];
    this.#done = undefined;
    for (const workload of this.#written.keys()) if (!wanted.has(workload)) this.#written.delete(workload);
    await forEachBounded(workloads, writingConcurrencyMax, async (subject) => {
      if (withheld.has(subject.workload)) {
        this.#written.delete(subject.workload);
        return;
      }
      const written = this.#written.get(subject.workload);
      const isFresh = written !== undefined && written.issuedAtMs <= nowMs && nowMs < written.dueMs;
      if (isFresh && written.serviceAccount === subject.serviceAccount) return;
      await this.#write(subject);
      renewed.push(subject.workload);
    });
    let nextRenewalMs = Infinity;
    for (const { dueMs } of this.#written.values()) nextRenewalMs = Math.min(nextRenewalMs, dueMs);
    this.#done = { workloads, withheld, atMs: nowMs, nextRenewalMs };
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
    const dueMs = renewAtMs(subject.workload, { notBeforeMs: issuedAtMs, notAfterMs: expiresAtMs });
    this.#written.set(subject.workload, { serviceAccount: subject.serviceAccount, issuedAtMs, dueMs });
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

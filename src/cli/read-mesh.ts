/** A folder as the control plane would read it, and what it would tell each proxy: for commands that need neither. */
import { resolve } from 'node:path';
import { Configurator } from '../controller/configurator.ts';
import type { Platform } from '../envoy/platform.ts';
import { loadFolder } from '../folder/watch-folder.ts';
import { buildSnapshot } from '../model/build-snapshot.ts';
import { formatProblem } from '../model/format-problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import type { ProofMesh } from '../proof/mesh-reading.ts';
import { PaperAuthority } from '../proof/paper-authority.ts';
import { plural } from './plural.ts';
import { readableFolder } from './readable-folder.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Of a mesh that nobody serves: addresses that lead nowhere, for what stands around every proxy alike. */
const onPaper: Platform = {
  bypass: { kind: 'user' },
  authz: [{ address: '192.0.2.1', port: 15_013 }],
  evidence: { address: '192.0.2.1', port: 15_015 },
  systemCaFile: '/etc/ssl/certs/ca-certificates.crt',
};

/** Most problems that are told beside an answer; `coffre check` tells them all. */
const problemsTold = 5;

export interface ReadMesh {
  readonly objects: readonly SourcedObject[];
  readonly snapshot: Snapshot;
}

/** Errors in it are told beside the answer, which is about what would be in force. @throws CliFailure */
export async function readMesh(terminal: Terminal, dir: string): Promise<ReadMesh> {
  const { objects, problems: folderProblems } = readableFolder(dir, await loadFolder(resolve(dir)));
  const snapshot = buildSnapshot(objects, terminal.nowMs());
  const errors = [...folderProblems, ...snapshot.problems].filter(({ severity }) => severity === 'error');
  for (const problem of errors.slice(0, problemsTold)) {
    terminal.err(`${printable(`error: ${formatProblem(problem)}`)}\n`);
  }
  if (errors.length > 0) {
    terminal.err(
      printable(`${dir}: ${plural(errors.length, 'error')}; the answer is about what is in force without`).concat('\n'),
    );
  }
  return { objects, snapshot };
}

/** What every proxy of it would be told. A workload that could not be configured is absent, and so not understood. */
export function compileMesh(snapshot: Snapshot, nowMs: number): ProofMesh {
  const paper = new PaperAuthority();
  const { proxies } = new Configurator(onPaper).configure(snapshot, paper, nowMs);
  return { places: snapshot.workloads, resources: proxies, anchors: paper.anchors(), nowMs };
}

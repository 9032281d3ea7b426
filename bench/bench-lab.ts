/** A mesh in a lab for the time of one bench, from files; whatever happens, it and its folder go. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabKind } from '../src/lab/lab.ts';
import { MeshLab } from '../src/lab/mesh-lab.ts';

/** @param mode default: namespaces, as whoever runs it may make them. */
export async function withMesh<T>(
  files: Readonly<Record<string, string>>,
  act: (mesh: MeshLab) => Promise<T>,
  mode?: LabKind,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-bench-'));
  let mesh: MeshLab | undefined;
  try {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    mesh = await MeshLab.start({ folder, ...(mode && { mode }) });
    return await act(mesh);
  } finally {
    await mesh?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

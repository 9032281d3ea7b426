/** A mesh in a lab for the time of one bench, from files; whatever happens, it and its folder go. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshLab } from '../src/lab/mesh-lab.ts';

export async function withMesh<T>(
  files: Readonly<Record<string, string>>,
  act: (mesh: MeshLab) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-bench-'));
  let mesh: MeshLab | undefined;
  try {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    mesh = await MeshLab.start({ folder });
    return await act(mesh);
  } finally {
    await mesh?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

import type { FolderContents } from '../folder/folder-state.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

/**
 * A folder that cannot be read as a whole is a slip of whoever named it, and no problem of the mesh.
 * @param dir as it was named. @throws CliFailure
 */
export function readableFolder(dir: string, contents: FolderContents): FolderContents {
  const unreadable = contents.problems.find(({ where }) => where.file === '');
  if (unreadable === undefined) return contents;
  throw new CliFailure(exitCode.misuse, `\`${dir}\`: ${unreadable.message}`, unreadable.advice);
}

import { readFile } from 'node:fs/promises';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

/** @param file as it was named. @throws CliFailure where it cannot be read, or is no text. */
export async function readTextFile(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    const [why, advice] =
      error.code === 'EISDIR'
        ? ['is a folder', 'name a file']
        : [`cannot be read (${error.code})`, 'check that it is there and may be read'];
    throw new CliFailure(exitCode.misuse, `\`${file}\` ${why}`, advice);
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CliFailure(exitCode.misuse, `\`${file}\` is not UTF-8`, 'save it as UTF-8');
  }
}

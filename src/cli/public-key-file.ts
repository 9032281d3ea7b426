/** The key that evidence is verified by, out of a file that a person names. */
import { readFile } from 'node:fs/promises';
import { publicKeyOf } from '../evidence/chain/head.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

/** @returns PEM. @throws CliFailure */
export async function publicKeyIn(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8');
  try {
    publicKeyOf(pem);
    return pem;
  } catch {
    const advice = 'give the PEM that `coffre evidence head --public-key` prints, taken while you trusted its source';
    throw new CliFailure(exitCode.misuse, `\`${file}\` holds no public key of Ed25519`, advice);
  }
}

/** The version of this program, as its package states it. */
import { readFileSync } from 'node:fs';

export const programVersion: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

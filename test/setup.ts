/**
 * Before every test file: fast-check draws from the run's seed, which vitest.config.ts chose and printed, and the process
 * is called after its file, so that `ps` and `tools/stuck-files.ts` can tell which it is.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { fileTitle } from '../tools/file-title.ts';

/** Longest that one property may look for a failure and make it smaller, in ms: what it found by then is said. */
const propertyMaxMs = 120_000;

const seed = Number(process.env['COFFRE_SEED']);
if (!Number.isInteger(seed))
  throw new Error(`COFFRE_SEED is \`${process.env['COFFRE_SEED']}\`, which is not an integer`);
fc.configureGlobal({ seed, interruptAfterTimeLimit: propertyMaxMs, markInterruptAsFailure: true });
process.title = fileTitle(expect.getState().testPath ?? 'of no file');

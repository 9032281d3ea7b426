/** Before every test file: fast-check draws from the run's seed, which vitest.config.ts chose and printed. */
import fc from 'fast-check';

const seed = Number(process.env['COFFRE_SEED']);
if (!Number.isInteger(seed))
  throw new Error(`COFFRE_SEED is \`${process.env['COFFRE_SEED']}\`, which is not an integer`);
fc.configureGlobal({ seed });

/** `npm run check`: types, style and unused code, in a few seconds and without a test. */
import { runTools } from './run-tool.ts';

const failed = await runTools(['tsc', 'biome', 'knip']);
console.log(failed.length === 0 ? 'tsc, biome and knip passed' : `${failed.join(', ')} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

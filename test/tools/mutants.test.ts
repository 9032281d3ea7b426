/** A mutant whose text is gone tries nothing, and would be noticed only where all of them are run, which takes long. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from '../../tools/mutants/mutants.ts';

const repository = join(import.meta.dirname, '../..');

test('every mutant finds its text once in its file', () => {
  const times = ({ file, find }: (typeof mutants)[number]) =>
    readFileSync(join(repository, file), 'utf8').split(find).length - 1;
  const lost = mutants.filter((mutant) => times(mutant) !== 1).map(({ file, name }) => `${file}: ${name}`);
  expect(lost).toEqual([]);
  expect(mutants.length).toBeGreaterThan(200);
});

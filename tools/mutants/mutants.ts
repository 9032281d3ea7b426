/**
 * Mistakes that a compiler, an evaluator or an emitter of policies could hold, each a small edit of a source.
 *
 * They stand in `mutants.json`, by file, because their texts are pieces of templates. `find` stands once in its file: an
 * edit that finds nothing would be a mutant that was never made, and the run says so.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const edits: Readonly<Record<string, readonly Omit<Mutant, 'file'>[]>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'mutants.json'), 'utf8'),
);

export const mutants: readonly Mutant[] = Object.entries(edits).flatMap(([file, each]) =>
  each.map((edit) => ({ file, ...edit })),
);

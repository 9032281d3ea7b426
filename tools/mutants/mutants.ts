/**
 * Mistakes that a compiler, an evaluator or an emitter of policies could hold, each a small edit of a source.
 *
 * They stand in lists, by file, because their texts are pieces of templates. `find` stands once in its file: an
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

/** Of the language itself, of quarantines, and of what a token leaves untold. */
const lists = ['mutants.json', 'quarantine.json', 'untold.json'];

export const mutants: readonly Mutant[] = lists.flatMap((list) => {
  const edits: Readonly<Record<string, readonly Omit<Mutant, 'file'>[]>> = JSON.parse(
    readFileSync(join(import.meta.dirname, list), 'utf8'),
  );
  return Object.entries(edits).flatMap(([file, each]) => each.map((edit) => ({ file, ...edit })));
});

/** The objects of ours that the repository ships or shows to readers: the demo's, and those of the pages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { apiVersionOf, kinds } from '../../src/model/kinds/catalogue.ts';
import { readObject } from '../../src/model/read-object.ts';

const repo = join(import.meta.dirname, '../..');
const ours = apiVersionOf(kinds.Tenant);

export interface Sample {
  readonly metadata: { readonly namespace?: string };
}

/** @param folders of the repository, of YAML or of pages. */
export function samplesIn(...folders: readonly string[]): Sample[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(repo, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(repo, folder, name)),
  );
  const texts = files.sort().flatMap((file) => {
    if (file.endsWith('.yaml')) return [readFileSync(file, 'utf8')];
    return file.endsWith('.md') ? blocksOf(readFileSync(file, 'utf8')) : [];
  });
  return texts.flatMap(documentsOf).filter(isWhole);
}

/** A page shows parts of objects too. */
function isWhole(object: object): object is Sample {
  const isOurs = Reflect.get(object, 'apiVersion') === ours;
  return isOurs && readObject(object, { file: 'sample', line: 1 }).problems.length === 0;
}

function blocksOf(page: string): string[] {
  return [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
}

function documentsOf(text: string): object[] {
  const parsed = parseAllDocuments(text);
  const documents = Array.isArray(parsed) ? parsed : [];
  return documents.flatMap((document) => {
    const value: unknown = document.errors.length === 0 ? document.toJS() : null;
    return typeof value === 'object' && value !== null ? [value] : [];
  });
}

/**
 * One YAML file of any number of documents, as objects and problems.
 *
 * Three ends: read whole; read but for documents that nobody can identify (each might be any object the file held
 * before); or unreadable, where not even the number of documents can be trusted and whoever has a last good state
 * keeps it.
 */
import { LineCounter, parseAllDocuments } from 'yaml';
import type { Problem } from './problem.ts';
import { readObject } from './read-object.ts';
import type { SourcedObject } from './sourced-object.ts';
import { type NodeBudget, plainData, type Refusal } from './yaml-tree.ts';

export interface ParsedFile {
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly Problem[];
  readonly completeness: 'whole' | 'some-unidentified' | 'unreadable';
}

/** Longest file, in UTF-16 code units (for YAML in ASCII: bytes). A mesh is many files; one of this size is a mistake. */
export const fileLengthMax: number = 4 * 1_024 * 1_024;
/** Most fields and list items of one file: about 5,000 pods. */
const nodesMax = 200_000;
/** Most separators of one file: counted first, because the parser takes minutes and gigabytes for millions. */
const separatorsMax = 2 * nodesMax;
/** What begins, ends or parts a token of YAML: its indicators, line ends, and the escapes inside quotes. */
const separators: ReadonlySet<string> = new Set('\n\r,:-?[]{}&*!|>\'"%@`\\');
/** Most fields that the aliases of one file expand to. */
const aliasNodesMax = 10_000;
/** Most syntax problems that one file is told. The first is the cause, more often than not of all the others. */
const syntaxProblemsMax = 4;

/** @param file name shown to authors, relative to the folder. Never throws. */
export function parseDocument(text: string, file: string): ParsedFile {
  if (text.length > fileLengthMax || hasTooManySeparators(text)) {
    const message = `the file was not read: it has more than ${fileLengthMax} characters or ${separatorsMax} separators`;
    const advice = 'split it into several files';
    return unreadable([problemAt(file, { code: 'file-too-large', line: 1, path: '', message, advice })]);
  }
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter,
    schema: 'core',
    merge: false,
    stringKeys: true,
    // Its check is quadratic in the keys of a map; ours is in `yaml-tree.ts`.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents = Array.isArray(parsed) ? parsed : [];
  const syntax = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  if (syntax.length > 0) {
    return unreadable(
      syntax.slice(0, syntaxProblemsMax).map(({ message, pos }) =>
        problemAt(file, {
          code: 'yaml-syntax',
          line: lineCounter.linePos(pos[0]).line,
          path: '',
          message: `the file is not YAML that can be read: ${lowerFirst(message)}`,
          advice: 'mend this line; nothing after it can be trusted to mean what it says',
        }),
      ),
    );
  }
  const budget: NodeBudget = { nodes: nodesMax, aliasNodes: aliasNodesMax };
  const objects: SourcedObject[] = [];
  const problems: Problem[] = [];
  let unidentified = 0;
  for (const { contents } of documents) {
    const plain = plainData(contents, lineCounter, budget);
    if (plain.kind === 'refused') return unreadable([problemAt(file, plain.refusal)]);
    // A lone `---` at the end of a file is nobody's object.
    if (plain.value === null) continue;
    const slips = plain.slips.map((slip) => problemAt(file, slip));
    const outcome = readObject(
      plain.value,
      { file, line: plain.lines.get('') ?? 1 },
      { lines: plain.lines, problems: slips },
    );
    problems.push(...outcome.problems);
    if (outcome.kind === 'object') objects.push(outcome.object);
    if (outcome.kind === 'unidentified') unidentified += 1;
  }
  return { objects, problems, completeness: unidentified > 0 ? 'some-unidentified' : 'whole' };
}

function hasTooManySeparators(text: string): boolean {
  let count = 0;
  for (let index = 0; index < text.length && count <= separatorsMax; index += 1) {
    if (separators.has(text.charAt(index))) count += 1;
  }
  return count > separatorsMax;
}

function unreadable(problems: readonly Problem[]): ParsedFile {
  return { objects: [], problems, completeness: 'unreadable' };
}

function problemAt(file: string, { code, line, path, message, advice }: Refusal): Problem {
  return { code, severity: 'error', where: { file, line }, path, message, advice };
}

function lowerFirst(message: string): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

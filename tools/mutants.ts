/**
 * `npm run mutants`: each mistake of `mutants/mutants.ts` is made in a copy of the sources and put to the trial; what no
 * check sees is a survivor, and fails the run. Words behind it choose the mutants whose name or file holds one of them.
 *
 * Every job has a copy of its own, in which one file at a time is another: imports need no help to find it.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutant, mutants } from './mutants/mutants.ts';

/** Trials at one time: of the two cores that this is made for. */
const jobs = 2;
/** A mutant that takes so many times as long as the sources themselves hangs, and was seen. */
const patience = 10;
const repo = join(import.meta.dirname, '..');
const copied = [
  'src/model',
  'src/policy',
  'src/envoy',
  'src/controller',
  'test/policy/language',
  'test/fixtures',
  'tools/mutants',
  'package.json',
];
const linked = ['node_modules', 'gen'];

interface Outcome {
  readonly mutant: Mutant;
  /** The check that saw it; absent: a survivor. */
  readonly seenBy?: string;
}

async function workshop(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-mutants-'));
  for (const path of copied) await cp(join(repo, path), join(folder, path), { recursive: true });
  for (const path of linked) await symlink(join(repo, path), join(folder, path));
  return folder;
}

async function tryMutant(folder: string, mutant: Mutant, longestMs: number): Promise<Outcome> {
  const path = join(folder, mutant.file);
  const original = await readFile(path, 'utf8');
  const pieces = original.split(mutant.find);
  if (pieces.length !== 2)
    throw new Error(`\`${mutant.name}\` finds its text ${pieces.length - 1} times in ${mutant.file}`);
  await writeFile(path, pieces.join(mutant.put));
  try {
    const seenBy = await trial(folder, longestMs);
    return { mutant, ...(seenBy === undefined ? {} : { seenBy }) };
  } finally {
    await writeFile(path, original);
  }
}

/** @param longestMs longest wait, in ms. @returns what was seen, undefined if nothing was. */
function trial(folder: string, longestMs?: number): Promise<string | undefined> {
  const child = spawn(process.execPath, [join(folder, 'tools/mutants/trial.ts')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(longestMs === undefined ? {} : { timeout: longestMs }),
  });
  let said = '';
  child.stdout.on('data', (part: Buffer) => {
    said += part.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const [told = ''] = said.trim().split('\n');
      resolve(code === 0 ? undefined : told || (signal === null ? 'it does not run' : 'it does not end'));
    });
  });
}

const words = process.argv.slice(2);
const chosen = mutants.filter(
  ({ name, file }) => words.length === 0 || words.some((word) => `${file}: ${name}`.includes(word)),
);
const folders = await Promise.all(Array.from({ length: jobs }, workshop));
try {
  const [first = ''] = folders;
  const began = performance.now();
  const unchanged = await trial(first);
  const longestMs = Math.ceil(patience * (performance.now() - began));
  if (unchanged !== undefined) throw new Error(`the sources fail without a mutation: ${unchanged}`);
  const waiting = chosen.values();
  const outcomes: Outcome[] = [];
  await Promise.all(
    folders.map(async (folder) => {
      for (const mutant of waiting) {
        const outcome = await tryMutant(folder, mutant, longestMs);
        outcomes.push(outcome);
        const { seenBy } = outcome;
        console.log(
          `${seenBy === undefined ? 'SURVIVED' : 'killed  '} ${mutant.file}: ${mutant.name} (${seenBy ?? 'by nothing'})`,
        );
      }
    }),
  );
  const survivors = outcomes.filter(({ seenBy }) => seenBy === undefined);
  console.log(`${outcomes.length - survivors.length} of ${outcomes.length} mutants killed`);
  process.exitCode = survivors.length === 0 ? 0 : 1;
} finally {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}

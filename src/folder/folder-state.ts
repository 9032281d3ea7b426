/**
 * What a folder says, remembered from look to look: the pure part of the folder source.
 *
 *   reading of all files ──advance(state, now)──▶ state, objects in force, problems, when to look again
 *
 * A look can fall between two writes of an editor, so what it sees is weighed before it takes anything away:
 *
 *   the file does not parse        its last good state stays, whole
 *   a document is no longer valid  Grant: withdrawn. AccessPolicy: denies its scope, old and new. Any other kind: its last good stays
 *   a document nobody can identify might be any object the file held: those that are gone stay, but for Grants
 *   an object or file is gone      it goes when a look `settleMs` later finds it still gone
 *   the folder cannot be read      everything stays: no deletion is inferred from silence
 *
 * So a half-written file never loosens what was valid before, and a withdrawal waits for `settleMs` and no longer.
 * What comes or changes counts at once, and what moved to another file has not gone.
 */
import { inForceAfter, stillInForce } from '../model/last-good.ts';
import { type ParsedFile, parseDocument } from '../model/parse-document.ts';
import type { Problem } from '../model/problem.ts';
import type { SourcedObject } from '../model/sourced-object.ts';

export type FileReading =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly problem: Problem };

export type FolderReading =
  | { readonly kind: 'read'; readonly files: ReadonlyMap<string, FileReading> }
  | { readonly kind: 'failed'; readonly problem: Problem };

/** What is in force, and what is wrong. */
export interface FolderContents {
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly Problem[];
}

export interface FolderState extends FolderContents {
  /** By path relative to the folder, sorted. */
  readonly files: ReadonlyMap<string, FileState>;
  /** Moment at which something that is gone will be believed gone, in ms of the caller's clock. */
  readonly lookAgainAtMs: number | undefined;
}

interface FileState {
  /** The last text that was read, and what it said: an unchanged file is not parsed again. */
  readonly read: { readonly text: string; readonly parsed: ParsedFile } | undefined;
  readonly held: readonly Held[];
  readonly problems: readonly Problem[];
}

interface Held {
  readonly object: SourcedObject;
  /** When a look first missed it; absent while it is there, or while nobody can say that it is not. */
  readonly goneSinceMs?: number;
}

export const emptyFolder: FolderState = { files: new Map(), objects: [], problems: [], lookAgainAtMs: undefined };

/**
 * @param nowMs of any clock that does not go back.
 * @param settleMs how long an absence must last before it is believed.
 */
export function advance(state: FolderState, reading: FolderReading, nowMs: number, settleMs: number): FolderState {
  if (reading.kind === 'failed') {
    const problem = stillInForce(reading.problem, state.objects.length > 0 ? 'the folder' : undefined);
    return { ...state, problems: [problem, ...problemsOf(state.files)], lookAgainAtMs: undefined };
  }
  const paths = [...new Set([...state.files.keys(), ...reading.files.keys()])].sort();
  const files = new Map<string, FileState>();
  for (const path of paths) {
    const file = advanceFile(path, state.files.get(path), reading.files.get(path), nowMs, settleMs);
    if (file !== undefined) files.set(path, file);
  }
  const goneSince = [...files.values()].flatMap(({ held }) => held.flatMap(({ goneSinceMs }) => goneSinceMs ?? []));
  return {
    files,
    objects: inForce(files),
    problems: problemsOf(files),
    lookAgainAtMs: goneSince.length === 0 ? undefined : Math.min(...goneSince) + settleMs,
  };
}

const noFile: FileState = { read: undefined, held: [], problems: [] };

function advanceFile(
  path: string,
  previous: FileState = noFile,
  reading: FileReading | undefined,
  nowMs: number,
  settleMs: number,
): FileState | undefined {
  if (reading === undefined) {
    const held = fading(previous.held, nowMs, settleMs);
    return held.length === 0 ? undefined : { read: undefined, held, problems: [] };
  }
  if (reading.kind === 'unreadable') return lastGood(previous, undefined, [reading.problem]);
  const { text } = reading;
  const parsed = previous.read?.text === text ? previous.read.parsed : parseDocument(text, path);
  if (parsed.completeness === 'unreadable') return lastGood(previous, { text, parsed }, parsed.problems);
  return merged(previous, { text, parsed }, nowMs, settleMs);
}

function lastGood(previous: FileState, read: FileState['read'], problems: readonly Problem[]): FileState {
  const held = previous.held.map(({ object }) => ({ object }));
  const subject = held.length > 0 ? 'this file' : undefined;
  return { read, held, problems: problems.map((problem) => stillInForce(problem, subject)) };
}

function merged(previous: FileState, read: NonNullable<FileState['read']>, nowMs: number, settleMs: number): FileState {
  const { objects, problems, completeness } = read.parsed;
  const before = new Map(previous.held.map(({ object }) => [object.id, object]));
  const kept = new Set<string>();
  const present = objects.map((object): Held => {
    const good = before.get(object.id);
    const inForce = inForceAfter(good, object);
    if (inForce !== object && inForce === good) kept.add(object.id);
    return { object: inForce };
  });
  const presentIds = new Set(objects.map(({ id }) => id));
  const missing = previous.held.filter(({ object }) => !presentIds.has(object.id));
  const absent =
    completeness === 'whole'
      ? fading(missing, nowMs, settleMs)
      : missing.filter(({ object }) => object.ref.kind !== 'Grant').map(({ object }) => ({ object }));
  return {
    read,
    held: [...present, ...absent],
    problems: problems.map((problem) => {
      const { object: ref } = problem;
      const isKept = ref !== undefined && kept.has(`${ref.kind}/${ref.namespace}/${ref.name}`);
      return stillInForce(problem, isKept ? `${ref.kind} \`${ref.name}\`` : undefined);
    }),
  };
}

function fading(held: readonly Held[], nowMs: number, settleMs: number): Held[] {
  return held
    .map(({ object, goneSinceMs = nowMs }) => ({ object, goneSinceMs }))
    .filter(({ goneSinceMs }) => nowMs - goneSinceMs < settleMs);
}

function inForce(files: ReadonlyMap<string, FileState>): SourcedObject[] {
  const held = [...files.values()].flatMap((file) => file.held);
  const present = new Set(held.filter(({ goneSinceMs }) => goneSinceMs === undefined).map(({ object }) => object.id));
  return held
    .filter(({ object, goneSinceMs }) => goneSinceMs === undefined || !present.has(object.id))
    .map(({ object }) => object);
}

function problemsOf(files: ReadonlyMap<string, FileState>): Problem[] {
  return [...files.values()].flatMap(({ problems }) => problems);
}

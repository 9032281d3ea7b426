/** A command run as from a shell, over folders that are gone afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';

export interface Said {
  out: string;
  err: string;
  code: number;
}

/** At the beginning of 2027. */
export function run(...args: readonly string[]): Promise<Said> {
  return runAt(Date.UTC(2027, 0, 1), ...args);
}

/** @param nowMs epoch ms. */
export async function runAt(nowMs: number, ...args: readonly string[]): Promise<Said> {
  const said = { out: '', err: '', code: 0 };
  await runProgram(args, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    setExitCode: (code) => {
      said.code = code;
    },
    nowMs: () => nowMs,
    signal: new AbortController().signal,
  });
  return said;
}

/** @param files text by name. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'coffre-cli-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

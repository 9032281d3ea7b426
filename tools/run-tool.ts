/**
 * Runs one of the static checks, each a program of node_modules, with the Node that runs us.
 * Its words go to our standard streams; only whether it passed comes back.
 */
import { spawn } from 'node:child_process';

/** The checks by name, cheapest first. */
const tools = {
  tsc: ['node_modules/typescript/bin/tsc', '-p', '.'],
  biome: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'],
  knip: ['node_modules/knip/bin/knip.js', '--no-progress'],
} as const satisfies Record<string, readonly string[]>;

export type Tool = keyof typeof tools;

/** @returns whether it passed; a program that could not be started has not. */
function runTool(tool: Tool): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, tools[tool], { stdio: 'inherit' });
    child.on('error', (error) => {
      console.error(`${tool} could not be started: ${error.message}`);
      resolve(false);
    });
    child.on('close', (code) => resolve(code === 0));
  });
}

/** Runs them one after the other, all of them, and returns those that failed. */
export async function runTools(names: readonly Tool[]): Promise<Tool[]> {
  const failed: Tool[] = [];
  for (const name of names) {
    if (!(await runTool(name))) failed.push(name);
  }
  return failed;
}

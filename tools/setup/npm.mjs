/**
 * Step `npm`: the libraries and Node 24, exactly as package-lock.json names them.
 *
 * An install that a person made by hand counts: where npm's own record in node_modules agrees with the lock file,
 * nothing is installed again, since `npm ci` begins by deleting everything under a running editor or test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './problem.mjs';
import { runQuietly } from './run-quietly.mjs';
import { hashOf } from './stamp.mjs';

export const npmStep = {
  name: 'npm',
  title: 'libraries and Node 24 (npm ci)',
  inputs: (repo) => hashOf(repo, ['package-lock.json', 'package.json', '.npmrc'], [process.arch]),
  isThere: (repo) => existsSync(join(repo, 'node_modules/.bin/node')),
  run: installLibraries,
};

/** @param {string} repo */
async function installLibraries(repo) {
  if (npmStep.isThere(repo) && agrees(read(repo, 'package-lock.json'), read(repo, 'node_modules/.package-lock.json')))
    return;
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // Under `npm run` this is the very npm that was called; otherwise the one on the PATH.
  const npmFile = process.env.npm_execpath;
  const outcome = npmFile?.endsWith('.js')
    ? await runQuietly(process.execPath, [npmFile, ...flags], { cwd: repo })
    : await runQuietly('npm', flags, { cwd: repo });
  if (outcome.kind === 'ok' && npmStep.isThere(repo)) return;
  const cause =
    outcome.kind === 'ok'
      ? 'node_modules/.bin/node is missing after it (an optional package was left out)'
      : outcome.tail;
  throw new SetupError([
    {
      id: 'npm-failed',
      severity: 'stop',
      what: '`npm ci` failed',
      why: 'nothing runs without the libraries and Node 24',
      cure: `see why, mend it and run again: npm ci\n${cause}`,
    },
  ]);
}

/**
 * @param {object | undefined} lock package-lock.json
 * @param {object | undefined} installed node_modules/.package-lock.json, npm's record of what it wrote
 * @returns {boolean} whether every package is there in its version, and no other; optional ones may be missing
 */
export function agrees(lock, installed) {
  if (lock === undefined || installed === undefined) return false;
  const { '': _root, ...wanted } = lock.packages;
  const had = installed.packages;
  const present = Object.entries(wanted).every(([path, { integrity, optional }]) =>
    had[path] === undefined ? optional === true : had[path].integrity === integrity,
  );
  return present && Object.keys(had).every((path) => wanted[path] !== undefined);
}

function read(repo, path) {
  return existsSync(join(repo, path)) ? JSON.parse(readFileSync(join(repo, path), 'utf8')) : undefined;
}

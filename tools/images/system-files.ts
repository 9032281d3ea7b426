/**
 * Programs of this machine with what they need to run, laid into a folder as an image has them.
 *
 *   programs ──ldd──▶ shared libraries ──dpkg──▶ packages: for the bill of materials, and their copyright notices
 *
 * A program is laid down under the name that it is called by; a library under the name that the loader asks for.
 */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { nonRoot } from './image.ts';
import { type Component, debianComponents } from './sbom.ts';

const run = promisify(execFile);

/** A file of this machine, and its path in the image. */
export interface SystemFile {
  readonly from: string;
  readonly to: string;
}

/** Debian's merged `/usr`: programs name their loader by the short path. */
const merged = ['bin', 'lib', 'lib64', 'sbin'] as const;
const notices = 'usr/share/doc';

/** @returns Debian's packages that the files are of; a file of nobody is of none. */
export async function laySystem(folder: string, files: readonly SystemFile[]): Promise<readonly Component[]> {
  await layUsers(folder);
  for (const name of merged) {
    await mkdir(join(folder, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(folder, name));
  }
  const libraries = new Set<string>();
  for (const { from } of files) for (const path of await librariesOf(from)) libraries.add(path);
  const all = [...files, ...[...libraries].map((path) => ({ from: path, to: underUsr(path) }))];
  const owners = new Set<string>();
  for (const { from, to } of all) {
    const [source, target] = [await realpath(from), join(folder, to)];
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
    const owner = await ownerOf(source);
    if (owner !== undefined) owners.add(owner);
  }
  for (const owner of owners) {
    const notice = join(notices, owner, 'copyright');
    await cp(join('/', notice), join(folder, notice), { recursive: true, dereference: true });
  }
  return debianComponents(await tellPackages([...owners]));
}

/** Users by name, for whoever asks; files and DNS are how names are found. */
async function layUsers(folder: string): Promise<void> {
  const { user, group } = nonRoot;
  const texts = {
    passwd: `root:x:0:0:root:/:/nonexistent\nnonroot:x:${user}:${group}:nonroot:/nonexistent:/nonexistent\n`,
    group: `root:x:0:\nnonroot:x:${group}:\n`,
    'nsswitch.conf': 'hosts: files dns\n',
  };
  await mkdir(join(folder, 'etc'), { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, 'etc', name), text);
}

/** The database of packages knows some files by their path before `/usr` was merged. */
async function ownerOf(path: string): Promise<string | undefined> {
  for (const each of [path, path.replace(/^\/usr/, '')]) {
    const { stdout } = await run('dpkg-query', ['--search', each]).catch(() => ({ stdout: '' }));
    const owner = /^([^:,\s]+)/.exec(stdout)?.[1];
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** @returns `package version architecture` each. */
async function tellPackages(names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const placeholders = ['Package', 'Version', 'Architecture'].map((field) => `$\{${field}}`).join(' ');
  const { stdout } = await run('dpkg-query', ['--show', `--showformat=${placeholders}\\n`, ...names]);
  return stdout.trim().split('\n');
}

/** Of a program or a library, with the loader itself; none of what is linked statically. */
async function librariesOf(path: string): Promise<readonly string[]> {
  const { stdout } = await run('ldd', [path]).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

function underUsr(path: string): string {
  return merged.some((name) => path.startsWith(`/${name}/`)) ? join('/usr', path) : path;
}

/**
 * The image of the control plane and of the authorization workers: Node, what npm installed, our sources; no shell.
 *
 *   Node with its libraries │ production dependencies │ src (without the lab), generated code
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Image, nonRoot } from './image.ts';
import { type Component, npmComponent } from './sbom.ts';
import { laySystem } from './system-files.ts';

const run = promisify(execFile);
/** Where the sources lie in the image. */
const home = 'coffre';
/** Where a pod mounts what may be written, and what the kernel shows: under a read-only root they must be there. */
const mountPoints = ['tmp', 'proc', 'sys', 'dev', 'var/lib/coffre', 'var/run/coffre'];
/** Longest output of npm that is read, in bytes. */
const outputMax = 16 * 1_024 * 1_024;
const production = ['--omit=dev', '--omit=optional'];

/**
 * @param repo a checkout in which the set-up has run. @param work an empty folder, which the image's layers lie in until
 * they are packed. @param node the program that is to run in the image.
 */
export async function buildCoffre(repo: string, work: string, node: string): Promise<Image> {
  const layer = (name: string) => ({ name, folder: join(work, name) });
  const [system, dependencies, sources] = [layer('node'), layer('dependencies'), layer('sources')];
  for (const name of mountPoints) await mkdir(join(system.folder, name), { recursive: true });
  const debian = await laySystem(system.folder, [{ from: node, to: '/usr/bin/node' }]);
  const npm = await layDependencies(repo, join(dependencies.folder, home));
  await laySources(repo, join(sources.folder, home));
  return {
    name: 'coffre',
    layers: [system, dependencies, sources],
    user: `${nonRoot.user}:${nonRoot.group}`,
    entrypoint: ['/usr/bin/node'],
    workingFolder: `/${home}`,
    components: [...debian, await nodeComponent(node), ...npm],
  };
}

/** No script of a package runs: what runs at an installation could be anything. @returns what was laid down. */
async function layDependencies(repo: string, folder: string): Promise<readonly Component[]> {
  await mkdir(folder, { recursive: true });
  const manifests = ['package.json', 'package-lock.json'];
  for (const name of manifests) await cp(join(repo, name), join(folder, name));
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['ci', ...production, ...options], { cwd: folder, maxBuffer: outputMax });
  // The sources' layer has the manifest; npm's own record and links into packages are of no use without npm.
  for (const name of [...manifests, 'node_modules/.package-lock.json', 'node_modules/.bin']) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
  return installed(folder);
}

/** `npm sbom` knows a lock file or a whole installation, and refuses one that leaves anything out. */
async function installed(folder: string): Promise<readonly Component[]> {
  const found = new Map<string, Component>();
  for (const path of await readdir(folder, { recursive: true })) {
    if (!/(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path)) continue;
    const component = npmComponent(JSON.parse(await readFile(join(folder, path), 'utf8')));
    found.set(component.purl, component);
  }
  return [...found.values()];
}

/** The lab is for demonstrations, with its own servers and callers. */
async function laySources(repo: string, folder: string): Promise<void> {
  const lab = join(repo, 'src/lab');
  await cp(join(repo, 'src'), join(folder, 'src'), { recursive: true, filter: (path) => path !== lab });
  await cp(join(repo, 'gen'), join(folder, 'gen'), { recursive: true });
  for (const name of ['package.json', 'LICENSE']) await cp(join(repo, name), join(folder, name));
}

async function nodeComponent(node: string): Promise<Component> {
  const manifest = JSON.parse(await readFile(join(dirname(node), '../package.json'), 'utf8')) as { version: string };
  const { version } = manifest;
  return { type: 'application', name: 'node', version, purl: `pkg:generic/node@${version}` };
}

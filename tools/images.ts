/**
 * `npm run images -- --out DIR [NAME…]`: the images of Coffre as an OCI layout, with a bill of materials for each; no daemon.
 *
 *   DIR/layout           `coffre` and `coffre-redirect`, to be copied to a registry (`skopeo copy oci:DIR/layout:coffre …`)
 *   DIR/NAME.cdx.json    what is in it, as CycloneDX; the same file lies in the image
 *
 * The age of an image is that of the newest commit, so that the same sources on the same Debian make the same bytes.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { buildCoffre } from './images/build-coffre.ts';
import { buildRedirect } from './images/build-redirect.ts';
import type { Image } from './images/image.ts';
import { pack } from './images/pack.ts';
import { billOf } from './images/sbom.ts';

const run = promisify(execFile);
const repo = join(import.meta.dirname, '..');
/** In the image. */
const billPath = 'usr/share/coffre/sbom.cdx.json';

const names = ['coffre', 'coffre-redirect'] as const;
const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const { out } = values;
const unknown = positionals.filter((name) => !names.some((each) => each === name));
if (out === undefined) {
  console.error('where to? write `npm run images -- --out DIR`');
  process.exitCode = 2;
} else if (unknown.length > 0) {
  console.error(`there is no image \`${unknown.join('`, `')}\`; there are \`${names.join('`, `')}\``);
  process.exitCode = 2;
} else if (existsSync(join(resolve(out), 'layout'))) {
  console.error(
    `\`${resolve(out)}/layout\` is there already; name a folder without one: an image is made whole or not at all`,
  );
  process.exitCode = 2;
} else {
  await makeImages(resolve(out), positionals.length === 0 ? names : names.filter((name) => positionals.includes(name)));
}

async function makeImages(folder: string, wanted: readonly Image['name'][]): Promise<void> {
  const { version } = JSON.parse(await readFile(join(repo, 'package.json'), 'utf8')) as { readonly version: string };
  const { stdout } = await run('git', ['log', '-1', '--format=%ct'], { cwd: repo });
  const createdMs = Number(stdout) * 1_000;
  const work = await mkdtemp(join(tmpdir(), 'coffre-images-'));
  try {
    const layout = join(folder, 'layout');
    await mkdir(folder, { recursive: true });
    await run('umoci', ['init', '--layout', layout]);
    for (const name of wanted) {
      const image = await build(name, join(work, name));
      await writeBill(image, version, folder);
      const { digest, bytes, layers } = await pack(layout, image.name, image, createdMs);
      const parts = layers.map((layer) => `${layer.name} ${megabytes(layer.bytes)}`).join(', ');
      console.log(`${image.name}@${digest}  ${megabytes(bytes)} (${parts}), ${image.components.length} components`);
    }
  } finally {
    await rm(work, { recursive: true });
  }
}

async function build(name: Image['name'], work: string): Promise<Image> {
  return name === 'coffre' ? buildCoffre(repo, work, await realpath(process.execPath)) : buildRedirect(work);
}

/** Beside the layout and in the last layer. */
async function writeBill(image: Image, version: string, folder: string): Promise<void> {
  const text = `${JSON.stringify(billOf(image.name, version, image.components), undefined, 2)}\n`;
  await writeFile(join(folder, `${image.name}.cdx.json`), text);
  const inside = join(image.layers.at(-1)?.folder ?? '', billPath);
  await mkdir(dirname(inside), { recursive: true });
  await writeFile(inside, text);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

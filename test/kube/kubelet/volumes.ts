/**
 * The volumes of one pod, as folders of the machine: files of ConfigMaps, Secrets and tokens, or nothing at first.
 *
 *   sources ──▶ ..version-a/root.crt ◀── ..data ◀── root.crt        renewed: ..version-b, then `..data` is moved over
 *
 * As a kubelet does it: all files of a volume change in one moment, by the rename of one link, which is what Envoy watches.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Facts, fieldOf } from './environment.ts';
import type { Files, KubeReader } from './kube-reader.ts';
import type { KeyToPath, Source, Volume } from './pod-spec.ts';

/** Share of its life after which a token is renewed, as a kubelet does. */
const renewalShare = 0.8;
const versionPrefix = '..version-';
/** Between two looks at ConfigMaps and Secrets, in ms: a kubelet takes up to a minute, and no test waits that long. */
const lookMs = 2_000;

interface Held {
  readonly text: string;
  readonly renewAtMs: number;
}

export class PodVolumes {
  readonly #folder: string;
  readonly #facts: Facts;
  readonly #kube: KubeReader;
  /** By volume and path. */
  readonly #tokens = new Map<string, Held>();
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, facts: Facts, kube: KubeReader) {
    this.#folder = folder;
    this.#facts = facts;
    this.#kube = kube;
  }

  /** @throws where a source is not there, or is no kind of volume that is known. */
  async mount(): Promise<void> {
    const { fsGroup } = this.#facts.pod.spec.securityContext ?? {};
    for (const volume of this.#volumes) {
      mkdirSync(this.folderOf(volume.name), { recursive: true });
      chmodSync(this.folderOf(volume.name), 0o777);
      if (fsGroup !== undefined) chownSync(this.folderOf(volume.name), 0, fsGroup);
    }
    await this.#refresh();
    this.#again();
  }

  folderOf(name: string): string {
    return join(this.#folder, name);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #volumes(): readonly Volume[] {
    return this.#facts.pod.spec.volumes ?? [];
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      // An API server that is away, or a source that is gone: what is there stays.
      this.#refresh()
        .catch(() => undefined)
        .finally(() => this.#timer && this.#again());
    }, lookMs);
  }

  async #refresh(): Promise<void> {
    for (const volume of this.#volumes) {
      const sources = sourcesOf(volume);
      if (sources === undefined) continue;
      const files = new Map<string, Buffer>();
      for (const source of sources)
        for (const [path, bytes] of await this.#read(volume, source)) files.set(path, bytes);
      this.#write(this.folderOf(volume.name), files);
    }
  }

  async #read(volume: Volume, source: Source): Promise<Files> {
    const { configMap, secret, serviceAccountToken, downwardAPI } = source;
    const { namespace } = this.#facts.pod.metadata;
    if (serviceAccountToken !== undefined) {
      const { path } = serviceAccountToken;
      const at = `${volume.name}/${path}`;
      let held = this.#tokens.get(at);
      if (held === undefined || held.renewAtMs <= Date.now()) {
        const askedMs = Date.now();
        const { text, expiresAtMs } = await this.#kube.token(this.#facts.pod, serviceAccountToken);
        held = { text, renewAtMs: askedMs + (expiresAtMs - askedMs) * renewalShare };
        this.#tokens.set(at, held);
      }
      return new Map([[path, Buffer.from(held.text)]]);
    }
    if (downwardAPI !== undefined) {
      return new Map(
        downwardAPI.items.map(({ path, fieldRef }) => [
          path,
          Buffer.from(fieldOf(fieldRef?.fieldPath ?? '', this.#facts)),
        ]),
      );
    }
    const named = configMap ?? secret;
    if (named === undefined) throw new Error(`the volume \`${volume.name}\` is of no kind that is known here`);
    const read = configMap === undefined ? this.#kube.secret : this.#kube.configMap;
    const files = await read(namespace, named.name);
    if (files === undefined && named.optional !== true) throw new Error(`there is no \`${namespace}/${named.name}\``);
    return picked(files ?? new Map(), named.items);
  }

  #write(folder: string, files: Files): void {
    const link = join(folder, '..data');
    if (existsSync(link) && isSame(link, files)) return;
    const before = readdirSync(folder).filter((name) => name.startsWith(versionPrefix));
    const version = mkdtempSync(join(folder, versionPrefix));
    chmodSync(version, 0o755);
    for (const [path, bytes] of files) {
      const file = join(version, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes, { mode: 0o444 });
    }
    symlinkSync(basename(version), join(folder, '..new'));
    renameSync(join(folder, '..new'), link);
    for (const path of new Set([...files.keys()].map((path) => path.split('/')[0] ?? path))) {
      if (!existsSync(join(folder, path))) symlinkSync(join('..data', path), join(folder, path));
    }
    for (const name of before) rmSync(join(folder, name), { recursive: true });
  }
}

/** @returns undefined for a volume that begins empty. */
function sourcesOf({ name, emptyDir, configMap, secret, projected }: Volume): readonly Source[] | undefined {
  if (emptyDir !== undefined) return undefined;
  if (projected !== undefined) return projected.sources;
  if (configMap !== undefined) return [{ configMap }];
  if (secret !== undefined) return [{ secret: { ...secret, name: secret.secretName } }];
  throw new Error(`the volume \`${name}\` is of no kind that is known here`);
}

function picked(files: Files, items: readonly KeyToPath[] | undefined): Files {
  if (items === undefined) return files;
  return new Map(
    items.map(({ key, path }) => {
      const bytes = files.get(key);
      if (bytes === undefined) throw new Error(`there is no key \`${key}\``);
      return [path, bytes];
    }),
  );
}

function isSame(folder: string, files: Files): boolean {
  return (
    readdirSync(folder).length === files.size &&
    [...files].every(
      ([path, bytes]) => existsSync(join(folder, path)) && readFileSync(join(folder, path)).equals(bytes),
    )
  );
}

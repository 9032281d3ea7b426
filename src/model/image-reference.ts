/**
 * A reference to an image, as a runtime reads it: where it comes from, and which bytes it is.
 *
 *   registry.example:5000/shop/web:1.2@sha256:…  ──▶  repository `registry.example:5000/shop/web`, digest `sha256:…`
 *
 * A short name is of Docker Hub, as runtimes have it. Beside a digest a tag says nothing. What is not written by the
 * grammar of references exactly is read as none: a runtime may read it in a way of its own.
 */
export interface ImageReference {
  /** With its registry. */
  readonly repository: string;
  /** Absent where only a tag says what it is, which anybody may move who can push. */
  readonly digest: string | undefined;
}

const component = '[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*';
const domain = '(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])(?:[.](?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9]))*(?::[0-9]{1,5})?';
const pattern = new RegExp(
  `^(?:(${domain})/)?(${component}(?:/${component})*)(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** Longest reference that is read, in characters. Source: the grammar allows a name of 255, a tag of 128, and a digest. */
const lengthMax = 512;

/** @param text hostile. */
export function readImageReference(text: string): ImageReference | undefined {
  const match = text.length > lengthMax ? null : pattern.exec(text);
  const [, first, path, digest] = match ?? [];
  if (path === undefined) return undefined;
  // Some would read a registry there that no registry can be called.
  if (first === undefined && /^[^/]*[.][^/]*[/]/.test(path)) return undefined;
  // What stands first is a registry only if it could be no part of a path on Docker Hub.
  const isRegistry = first !== undefined && (/[.:]/.test(first) || first === 'localhost');
  if (isRegistry && first !== 'docker.io' && first !== 'index.docker.io') {
    return { repository: `${first}/${path}`, digest };
  }
  const name = isRegistry || first === undefined ? path : `${first}/${path}`;
  return { repository: `docker.io/${name.includes('/') ? name : `library/${name}`}`, digest };
}

/** @param registry a registry, or a part of one; `registry.example/shop` holds nothing of `registry.example/shop-2`. */
export function isFrom({ repository }: ImageReference, registry: string): boolean {
  return repository === registry || repository.startsWith(`${registry}/`);
}

/** @param imageId as a node reports it. @returns undefined where it says no digest of what was pulled, only its own number for it. */
export function reportedDigest(imageId: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(imageId)?.[1];
}

/**
 * What an image contains, as a CycloneDX bill of materials: Debian's packages, Node, and what npm installed.
 *
 *   npm's packages ┐
 *   Debian, Node   ┴▶ one bill, in one order: the same image has the same bill
 */

/** Of CycloneDX 1.5, `component`, as far as it is written. */
export interface Component {
  readonly type: 'library' | 'application';
  readonly name: string;
  readonly version: string;
  /** Package URL. */
  readonly purl: string;
  readonly licenses?: readonly object[];
}

export interface Bill {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: string;
  readonly version: number;
  readonly metadata: { readonly component: Component };
  readonly components: readonly object[];
}

export function billOf(image: string, version: string, components: readonly Component[]): Bill {
  const purl = `pkg:oci/${image}@${version}`;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', name: image, version, purl } },
    components: components.toSorted((left, right) => (left.purl < right.purl ? -1 : 1)),
  };
}

/** @param manifest of an installed package. */
export function npmComponent(manifest: {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}): Component {
  const { name, version, license } = manifest;
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    ...{ type: 'library', name, version, purl },
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
  };
}

/** @param lines `package version architecture` each. */
export function debianComponents(lines: readonly string[]): readonly Component[] {
  return lines.map((line) => {
    const [name = '', version = '', architecture = ''] = line.split(' ');
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
    return { type: 'library', name, version, purl };
  });
}

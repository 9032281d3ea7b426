/** What an image is made of, before anybody packs it. */
import type { Component } from './sbom.ts';

/** One folder that becomes one layer: what changes seldom comes first, so that a new version moves little. */
export interface Layer {
  /** As the image's history tells it. */
  readonly name: string;
  /** What stands in it appears in the image's root. */
  readonly folder: string;
}

export interface Image {
  readonly name: 'coffre' | 'coffre-redirect';
  readonly layers: readonly Layer[];
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly workingFolder: string;
  readonly components: readonly Component[];
}

/** Nobody's: no distribution gives it to a user. As the distroless images have it. */
export const nonRoot = { user: 65_532, group: 65_532 } as const;

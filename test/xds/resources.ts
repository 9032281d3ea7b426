/** Resources and snapshots for tests: content is a word, and equal words are equal bytes. */
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { contentVersion, type Resource, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';

export function resource(typeUrl: string, name: string, content: string): Resource {
  const any = toBinary(AnySchema, create(AnySchema, { typeUrl, value: Buffer.from(`${name}=${content}`) }));
  return { typeUrl, name, version: contentVersion(any), any };
}

/** By short type name, then resource name: the content. A type that is left out is not spoken of. */
export type Contents = Partial<Record<keyof typeof typeUrls | 'other', Readonly<Record<string, string>>>>;

export const otherType = 'type.googleapis.com/example.Other';

function typeUrlOf(short: keyof Contents): string {
  return short === 'other' ? otherType : typeUrls[short];
}

export function snapshotOf(contents: Contents, revision = 'r'): ResourceSnapshot {
  const types = new Map<string, ReadonlyMap<string, Resource>>();
  for (const short of Object.keys(contents) as (keyof Contents)[]) {
    const typeUrl = typeUrlOf(short);
    const entries = Object.entries(contents[short] ?? {});
    types.set(typeUrl, new Map(entries.map(([name, content]) => [name, resource(typeUrl, name, content)])));
  }
  return { revision, types };
}

/** The word that an encoded `Any` of `resource` carries. */
export function contentOf(any: Uint8Array): string {
  return Buffer.from(any).toString().split('=')[1] ?? '';
}

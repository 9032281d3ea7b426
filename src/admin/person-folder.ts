/** A person's certificate on disk: what `coffre admin issue` writes and `--as DIR` reads. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder, writeFileAtomic } from '../identity/atomic-file.io.ts';
import type { Leaf } from '../identity/leaf.ts';
import { Redacted } from '../identity/redacted.ts';

const names = { certificate: 'person.crt', key: 'person.key', root: 'mesh-root.crt' } as const;

export interface PersonFolder {
  readonly certificateChainPem: string;
  readonly privateKeyPem: Redacted;
  readonly rootPem: string;
}

/** All three with mode 0600. */
export async function writePersonFolder(folder: string, leaf: Leaf, rootPem: string): Promise<void> {
  await makePrivateFolder(folder);
  await writeFileAtomic(join(folder, names.root), rootPem);
  await writeFileAtomic(join(folder, names.key), leaf.privateKeyPem.reveal());
  await writeFileAtomic(join(folder, names.certificate), leaf.certificateChainPem);
}

/** @throws where a file is missing: the system's error names it. */
export async function readPersonFolder(folder: string): Promise<PersonFolder> {
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  return {
    certificateChainPem: await read(names.certificate),
    privateKeyPem: new Redacted(await read(names.key)),
    rootPem: await read(names.root),
  };
}

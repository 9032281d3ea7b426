/**
 * Step `protos`: when the protobuf code under gen/ has to be made again, and what to say when it cannot.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './problem.mjs';
import { generateProtos } from './protos.mjs';
import { hashOf } from './stamp.mjs';

/** Packages whose version decides the generated code; the lock file is no input, or every update would regenerate. */
const generators = ['@grpc/grpc-js-xds', '@bufbuild/protoc-gen-es', '@bufbuild/buf'];

export const protosStep = {
  name: 'protos',
  title: 'protobuf code from the Envoy API',
  inputs: (repo) =>
    hashOf(
      repo,
      ['proto', 'tools/setup/protos.mjs'],
      generators.map((name) => versionOf(repo, name)),
    ),
  isThere: (repo) => existsSync(join(repo, 'gen/envoy')),
  run: generate,
};

/** @param {string} repo */
async function generate(repo) {
  try {
    await generateProtos(repo);
  } catch (error) {
    throw new SetupError([
      {
        id: 'protos-failed',
        severity: 'stop',
        what: 'generating the protobuf code failed',
        why: 'the sources import it as `#gen/*`',
        cure: `mend proto/ or tools/setup/protos.mjs and run again: npm run setup\n${error.stderr || error.message}`,
      },
    ]);
  }
}

function versionOf(repo, name) {
  const path = join(repo, 'node_modules', name, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : 'none';
}

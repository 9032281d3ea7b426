/** Builds the Go programs that the benches stand on: simulated proxies, and the peer. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..');

export interface GoProgram {
  /** Folder of its module, from the repository. */
  readonly module: string;
  /** Its package in the module. */
  readonly main: string;
  readonly binary: string;
}

export const proxiesProgram: GoProgram = { module: 'bench/proxies', main: '.', binary: '.cache/bench/proxies' };
export const peerProgram: GoProgram = {
  module: 'bench/peers/go-control-plane',
  main: './serve-mesh',
  binary: '.cache/bench/go-control-plane',
};

/** Once built, that costs a second. @returns the path of the binary. @throws with what to install. */
export function buildGo({ module, main, binary }: GoProgram): string {
  const path = join(repository, binary);
  const { status, error, stderr } = spawnSync('go', ['build', '-trimpath', '-o', path, main], {
    cwd: join(repository, module),
    env: { ...process.env, CGO_ENABLED: '0' },
    encoding: 'utf8',
  });
  if (status === 0) return path;
  throw new Error(
    `\`${module}\` could not be built: it needs \`go\` 1.26 on the path, and its modules: ${error ?? stderr}`,
  );
}

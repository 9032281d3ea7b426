/** Which cluster a command speaks to: by a kubeconfig, as `kubectl` finds it. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { readText } from '../kube/inform/bounded-text.ts';
import { KubeAccessRefused, type KubeClient, openKubeClient } from '../kube/kube-client.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

export interface KubeOptions {
  readonly kubeconfig: string;
}

export interface KubeVersion {
  readonly major: string;
  readonly minor: string;
}

/** Longest answer about a version that is read, in bytes. */
const versionBytesMax = 64 * 1_024;

export function withKubeOptions(command: Command): Command {
  return command.addOption(
    new Option('--kubeconfig <file>', 'cluster, and who you are there')
      .env('KUBECONFIG')
      .default(join(homedir(), '.kube/config'), '~/.kube/config'),
  );
}

/** Opens, asks for the version to see that somebody answers, and closes behind `work`. @throws CliFailure */
export async function withCluster<Result>(
  { kubeconfig }: KubeOptions,
  signal: AbortSignal,
  work: (cluster: KubeClient, version: KubeVersion) => Promise<Result>,
): Promise<Result> {
  const cluster = open(resolve(kubeconfig));
  try {
    return await work(cluster, await versionOf(cluster, signal));
  } finally {
    await cluster.close();
  }
}

function open(file: string): KubeClient {
  try {
    return openKubeClient({ kind: 'kubeconfig', file });
  } catch (error) {
    if (!(error instanceof KubeAccessRefused)) throw error;
    const [message = '', ...advice] = error.message.split('; ');
    throw new CliFailure(exitCode.misuse, message, advice.join('; ') || 'name another with --kubeconfig FILE');
  }
}

async function versionOf(cluster: KubeClient, signal: AbortSignal): Promise<KubeVersion> {
  const refuse = (why: string) =>
    new CliFailure(exitCode.unreachable, `the API server does not answer: ${why}`, 'see that `kubectl version` does');
  const answer = await cluster.get('/version', signal).catch((error: unknown) => {
    throw refuse(error instanceof Error ? error.message : String(error));
  });
  const text = await readText(answer.body, versionBytesMax);
  if (answer.status !== 200) throw refuse(`${answer.status} to the question for its version`);
  return JSON.parse(text) as KubeVersion;
}

/**
 * Whom the webhooks let in, looked up again and again: authorities are replaced in a living cluster.
 *
 * Who was trusted stays trusted until the cluster says otherwise; an answer that does not come says nothing.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { canonicalJson } from '../../model/canonical-json.ts';
import type { Problem } from '../../model/problem.ts';
import { quote } from '../../model/quote.ts';
import { clusterProblem } from '../cluster-problem.ts';
import type { KubeObjects } from '../objects.ts';
import { type ClientTrust, trustConfigMap, trustOf } from './client-trust.ts';

/** Who vouches for API servers as clients. */
export type TrustSource =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'file'; readonly file: string; readonly names: readonly string[] }
  | { readonly kind: 'anyone' };

export class TrustWatch {
  readonly #source: TrustSource;
  readonly #objects: Pick<KubeObjects, 'read'>;
  #trust: ClientTrust = { kind: 'nobody' };
  #problem: Problem | undefined;

  constructor(source: TrustSource, objects: Pick<KubeObjects, 'read'>) {
    this.#source = source;
    this.#objects = objects;
    if (source.kind !== 'anyone') return;
    this.#trust = source;
    this.#problem = anyoneProblem;
  }

  /** The very same value while nothing changed. */
  trust(): ClientTrust {
    return this.#trust;
  }

  problems(): readonly Problem[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  /** @returns whether trust or problems are others than before. Never rejects. */
  async look(): Promise<boolean> {
    if (this.#source.kind === 'anyone') return false;
    const [trust, problem] = [this.#trust, this.#problem];
    const found = certified(
      this.#source.kind === 'file' ? await readTrustFile(this.#source) : await this.#readCluster(),
    );
    if (typeof found === 'string') this.#problem = this.#trust.kind === 'nobody' ? closedProblem(found) : undefined;
    else {
      this.#problem = undefined;
      if (textOf(found) !== textOf(this.#trust)) this.#trust = found;
    }
    return trust !== this.#trust || problem?.message !== this.#problem?.message;
  }

  async #readCluster(): Promise<ClientTrust | string> {
    const { namespace, name } = trustConfigMap;
    const where = quote(`ConfigMap/${namespace}/${name}`);
    const answer = await this.#objects.read({ group: '', version: 'v1', plural: 'configmaps', namespace }, name);
    if (answer.kind !== 'done')
      return `${where} could not be read (${'message' in answer ? answer.message : answer.kind})`;
    return trustOf(answer.object) ?? `${where} names no authority for API servers as clients`;
  }
}

/** Text that holds no certificate would let in nobody, and nobody would hear why. */
function certified(found: ClientTrust | string): ClientTrust | string {
  if (typeof found === 'string' || found.kind !== 'certificate') return found;
  try {
    new X509Certificate(found.anchorPem);
    return found;
  } catch {
    return 'what should be certificates of an authority cannot be read as such';
  }
}

async function readTrustFile({ file, names }: TrustSource & { kind: 'file' }): Promise<ClientTrust | string> {
  try {
    return { kind: 'certificate', anchorPem: await readFile(file, 'utf8'), names: new Set(names) };
  } catch {
    return `${quote(file)} could not be read`;
  }
}

function textOf(trust: ClientTrust): string {
  return canonicalJson(trust.kind === 'certificate' ? [trust.anchorPem, ...trust.names] : [trust.kind]);
}

const ref = { kind: 'Service', namespace: 'coffre-system', name: 'coffre' };

function closedProblem(why: string): Problem {
  return clusterProblem(ref, {
    code: 'webhook-closed',
    severity: 'error',
    path: '',
    message: `webhooks answer nobody, and so nothing that they guard can be written: ${why}`,
    advice:
      'say by `--webhook-clients` and `--webhook-client-names` who vouches for the API servers; where they present no certificate, as in most managed clusters, `--webhook-clients anyone` lets in whoever reaches the port',
  });
}

const anyoneProblem: Problem = clusterProblem(ref, {
  code: 'webhook-open',
  severity: 'warning',
  path: '',
  message: 'webhooks answer whoever reaches their port, since the installation says `--webhook-clients anyone`',
  advice:
    'let API servers present a certificate (`--admission-control-config-file`), and until then let a NetworkPolicy keep pods away from the port',
});

/**
 * Who a sidecar or an authorization worker is, in a cluster: the pod that its projected token was made for.
 *
 *   token ──claims: could it be one?──▶ TokenReview ──▶ pod of that uid, as it is now ──▶ workload | refused | unanswered
 *
 * The API server knows whether the token still stands, our own view of the cluster what became of its pod: each is asked
 * every time, so a deleted pod is nobody as soon as either of the two says so.
 */
import type { BearerJudge, BearerVerdict } from '../../identity/bearer-verdict.ts';
import type { Difference } from '../../model/difference.ts';
import type { Problem } from '../../model/problem.ts';
import { quote } from '../../model/quote.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import { readClaims } from './claimed-pod.ts';
import { judgeToken } from './judge-token.ts';
import { PodRegister } from './pod-register.ts';
import { type ReviewPorts, TokenReviews } from './token-reviews.ts';

export interface AttestorPorts extends Omit<ReviewPorts, 'observe'> {
  /** Key by which authorization workers are served. */
  readonly workerKey: string;
  /** Whether the API server answers is another, or why it does not. Must not throw. */
  problemsChanged(): void;
}

export class Attestor implements BearerJudge {
  readonly #ports: AttestorPorts;
  readonly #pods = new PodRegister();
  readonly #reviews: TokenReviews;
  #trouble: Problem | undefined;

  constructor(ports: AttestorPorts) {
    this.#ports = ports;
    this.#reviews = new TokenReviews({
      ...ports,
      observe: (event) => this.#heard(event.kind === 'answered' ? undefined : troubleOf(event)),
    });
  }

  /** @returns clients whose pod is not what it was: what streams they have are to be judged again. */
  take(difference: Difference<SourcedObject>): ReadonlySet<string> {
    const changed = this.#pods.take(difference, this.#ports.nowMs());
    const { workerKey } = this.#ports;
    const isOfSystem = [...changed].some((key) => key.startsWith(vaultOf(workerKey)));
    return isOfSystem ? changed.add(workerKey) : changed;
  }

  async judgeBearer(token: string, address: string): Promise<BearerVerdict> {
    const { audience, nowMs, workerKey } = this.#ports;
    const claimed = readClaims(token, audience, nowMs());
    if (claimed.kind === 'refused') return claimed;
    const named = this.#pods.get(claimed.podUid);
    if (named === undefined) return { kind: 'refused', reason: 'its pod is not there, or not any more' };
    const answer = await this.#reviews.of(token, named.sinceMs, address);
    if (answer.kind !== 'bound') return answer;
    const pod = this.#pods.get(answer.token.pod.uid);
    const attested = judgeToken(answer.token, pod, pod !== undefined && this.#pods.wasAttested(pod));
    const { endsAtMs: expiresAtMs } = claimed;
    if (pod !== undefined && attested.kind !== 'refused') this.#pods.remember(pod);
    switch (attested.kind) {
      case 'refused':
        return attested;
      case 'worker':
        return {
          ...{ kind: 'ok', workload: workerKey, serviceAccount: answer.token.serviceAccount, expiresAtMs },
          // They come as one, and each has streams of its own.
          holder: attested.pod,
        };
      case 'workload':
        return { kind: 'ok', ...attested.subject, expiresAtMs };
    }
  }

  problems(): readonly Problem[] {
    return this.#trouble === undefined ? [] : [this.#trouble];
  }

  #heard(trouble: Problem | undefined): void {
    if (this.#trouble?.message === trouble?.message) return;
    this.#trouble = trouble;
    this.#ports.problemsChanged();
  }
}

/** With its slash. */
function vaultOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}

function troubleOf({
  kind,
  message,
}: {
  readonly kind: 'forbidden' | 'unanswered';
  readonly message: string;
}): Problem {
  return {
    code: 'cluster-unreadable',
    severity: 'error',
    where: { file: 'TokenReview', line: 1 },
    path: '',
    message: `nobody can say whose token a proxy shows, so none is admitted that was not before: ${quote(message, 200)}`,
    advice:
      kind === 'forbidden'
        ? 'allow the service account of the control plane the verb `create` on `tokenreviews.authentication.k8s.io`'
        : 'see how the API server is, and what stands before it; proxies keep what they have',
  };
}

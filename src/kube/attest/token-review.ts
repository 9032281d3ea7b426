/**
 * The question whose token something is, and the API server's answer.
 *
 *   token ──TokenReview, for our audience──▶ this service account, in this pod, on this node | no such token
 *
 * An API server that knows of no audiences answers without one: it vouched for a token that may be meant for anybody, so
 * that is a refusal. Whatever is said twice where one word belongs is no answer.
 */
import { isRecord } from '../../model/prune.ts';
import type { PolicyRule } from '../policy-rule.ts';

/** What the control plane needs to ask. */
export const attestRules: readonly PolicyRule[] = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
];

export const tokenReviews = { group: 'authentication.k8s.io', version: 'v1', plural: 'tokenreviews' } as const;

/** Where a token belongs, as the API server says. */
export interface BoundToken {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: { readonly name: string; readonly uid: string };
  /** Absent where the token was made before its pod had one, or by an API server that does not say (before 1.30). */
  readonly node: string | undefined;
}

export type Reviewed =
  | { readonly kind: 'bound'; readonly token: BoundToken }
  | { readonly kind: 'refused'; readonly reason: string };

export function reviewFor(token: string, audience: string): object {
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [audience] },
  };
}

/** Namespace and service account as Kubernetes names them. */
const usernamePattern =
  /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

/** @param answer of any shape. @returns undefined for what is no review. */
export function readReview(answer: unknown, audience: string): Reviewed | undefined {
  const status = isRecord(answer) ? answer['status'] : undefined;
  if (!isRecord(status)) return undefined;
  const { authenticated, audiences, user } = status;
  if (authenticated !== true) return refused('the API server does not know it, or no longer');
  if (!Array.isArray(audiences) || !audiences.includes(audience)) {
    return refused('the API server does not say that it is meant for us');
  }
  if (!isRecord(user)) return undefined;
  const { username } = user;
  const [, namespace, serviceAccount] = usernamePattern.exec(typeof username === 'string' ? username : '') ?? [];
  if (namespace === undefined || serviceAccount === undefined) return refused('it is of no service account');
  const extra = isRecord(user['extra']) ? user['extra'] : {};
  const [name, uid] = [only(extra, 'pod-name'), only(extra, 'pod-uid')];
  if (name === undefined || uid === undefined) return refused('it is bound to no pod');
  return { kind: 'bound', token: { namespace, serviceAccount, pod: { name, uid }, node: only(extra, 'node-name') } };
}

function only(extra: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const values = extra[`authentication.kubernetes.io/${name}`];
  if (!Array.isArray(values) || values.length !== 1) return undefined;
  const [value]: unknown[] = values;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function refused(reason: string): Reviewed {
  return { kind: 'refused', reason };
}

/** What is told of the network of a tenant: who opens more of it than the mesh does, and where labels cannot tell pods apart. */
import type { Problem } from '../../model/problem.ts';
import { quote, quoteList } from '../../model/quote.ts';
import { clusterProblem } from '../cluster-problem.ts';
import type { Kin } from './kin.ts';

/** A NetworkPolicy that is none of ours. */
export interface OtherPolicy {
  readonly namespace: string;
  readonly name: string;
  /** Of any shape. */
  readonly spec: unknown;
}

/** @returns nothing of a policy without rules: beside ours it neither opens nor closes anything. */
export function openingProblem({ namespace, name, spec }: OtherPolicy): Problem | undefined {
  const rules = typeof spec === 'object' && spec !== null ? Object.entries(spec) : [];
  const opened = rules.flatMap(([field, list]) =>
    (field === 'ingress' || field === 'egress') && Array.isArray(list) && list.length > 0 ? [field] : [],
  );
  if (opened.length === 0) return undefined;
  return clusterProblem(
    { kind: 'NetworkPolicy', namespace, name },
    {
      code: 'network-policy-opens',
      severity: 'warning',
      path: `spec.${opened[0] ?? ''}`,
      message: `NetworkPolicies are a union, so what this one lets pass as ${opened.join(' and ')} passes beside the mesh's own; sidecars still ask for a certificate, and pods without one for nothing`,
      advice: 'delete it, and open ways by a `Grant`, an `AccessPolicy` or `egress` of the tenant',
    },
  );
}

/** @param blurred of one tenant, at least one. */
export function blurredProblem(tenant: string, blurred: readonly Kin[]): Problem {
  const names = blurred.flatMap(({ members }) => members.map(({ name }) => name));
  return clusterProblem(
    { kind: 'Tenant', namespace: '', name: tenant },
    {
      code: 'network-policy-blurred',
      severity: 'warning',
      path: '',
      message: `pods of ${quote(tenant)} bear the same labels, and not the same rights: ${quoteList(names)}; NetworkPolicies let each of them do what any may, and the sidecars alone tell them apart`,
      advice: 'give pods of different service accounts, or of different services, labels of their own',
    },
  );
}

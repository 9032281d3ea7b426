/** One request as rules are put to it: what several of them ask is worked out once. */
import { parseSpiffeId } from '../model/spiffe-id.ts';
import type { AccessRequest, HttpAccess } from './access-request.ts';
import { type ReadPath, readPath } from './read-path.ts';
import type { TokenFacts } from './token.ts';

export interface Reading {
  readonly principal: string;
  /** The caller's tenant and account, by its SPIFFE ID. */
  readonly tenant: string;
  readonly serviceAccount: string;
  /** Absent: a connection that shows no request. */
  readonly http?: HttpAccess & { readonly read: ReadPath };
  readonly nowMs: number;
  token(): TokenFacts;
}

/** @returns undefined where the principal is no identity of the trust domain. */
export function readRequest(request: AccessRequest, trustDomain: string, nowMs: number): Reading | undefined {
  const { principal } = request;
  const parsed = parseSpiffeId(principal);
  if (parsed.kind === 'refused' || parsed.id.trustDomain !== trustDomain) return undefined;
  const { namespace: tenant, serviceAccount } = parsed.id;
  const caller = { principal, tenant, serviceAccount, nowMs };
  if (request.kind === 'tcp') return { ...caller, token: () => none };
  const http = { ...request, read: readPath(request.path) };
  return { ...caller, http, token: request.token ?? (() => none) };
}

const none: TokenFacts = { kind: 'none' };

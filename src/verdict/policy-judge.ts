/**
 * Answers ext_authz by the compiled policies: the second enforcer of the one policy.
 *
 *   AccessRequest ──workload and port, as Envoy's configuration names them──▶ Program ──decide──▶ Decision
 *
 * What is not known is not judged: no book, too old a book or an unknown workload is "unavailable", which callers see
 * as 503. So is a check by anybody but the workload's own sidecar: a stolen leaf of another workload learns nothing here
 * about this one's policy. The reason of a denial goes to callers of the same tenant; to a stranger a wall has no reason.
 *
 * A token is verified where a rule asks for one. `decide` cannot wait, so where keys must be fetched first its answer is
 * thrown away, and it is asked again once the token is known: by the book of then, whole as ever.
 */
import type { AccessRequest } from '../authz/access-request.ts';
import type { Asker, Decision, Judge } from '../authz/judge.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { decide } from '../policy/decide.ts';
import type { PortPolicy } from '../policy/port-policy.ts';
import { checkContext, type Program } from '../policy/program.ts';
import { tellReason } from '../policy/tell-reason.ts';
import type { TokenFacts } from '../policy/token.ts';
import { readBearerToken, type TokenVerifier, type VerifiedToken } from './bearer-token.ts';
import { bookState, type ProgramBook } from './program-book.ts';

export interface PolicyJudgePorts {
  readonly tokens: TokenVerifier;
  book(): ProgramBook | undefined;
  nowMs(): number;
}

type Verified = VerifiedToken | Promise<VerifiedToken>;
type Found =
  | { readonly kind: 'policy'; readonly policy: PortPolicy; readonly revision: string }
  | Extract<Decision, { kind: 'unavailable' }>;

export function policyJudge(ports: PolicyJudgePorts): Judge {
  return {
    judge(request, asker) {
      const found = policyFor(ports, request, asker);
      if (found.kind === 'unavailable') return found;
      const token = new LazyToken(request, found.policy, ports);
      const decision = judgeBy(found.policy, found.revision, request, token, ports.nowMs());
      const { pending } = token;
      if (pending === undefined) return decision;
      return pending.then((facts) => {
        const now = policyFor(ports, request, asker);
        if (now.kind === 'unavailable') return now;
        return judgeBy(now.policy, now.revision, request, { facts: () => facts }, ports.nowMs());
      });
    },
  };
}

function policyFor(ports: PolicyJudgePorts, request: AccessRequest, asker: Asker): Found {
  const state = bookState(ports.book(), ports.nowMs());
  if (state.kind === 'none') return unavailable('no policy has been received yet');
  if (state.kind === 'too-old') return unavailable('the policies held are older than they may be');
  const { programs, revision } = state.book;
  const program = programs.get(request.contextExtensions.get(checkContext.workload) ?? '');
  if (program === undefined) return unavailable('the workload that is asked about has no policy');
  if (!isOwnSidecar(asker, program)) {
    return unavailable(`asked by \`${asker.spiffeUris}\`, which is not the workload's own sidecar`);
  }
  const policy = program.ports.get(Number(request.contextExtensions.get(checkContext.port)));
  if (policy === undefined) return unavailable('the port that is asked about has no policy');
  return { kind: 'policy', policy, revision };
}

function isOwnSidecar({ spiffeUris }: Asker, { spiffeId }: Program): boolean {
  return spiffeUris.length === 1 && spiffeUris[0] === spiffeId;
}

/** Verified at the first question; while keys are fetched it says of itself that there is none, which decides nothing. */
class LazyToken {
  readonly #request: AccessRequest;
  readonly #policy: PortPolicy;
  readonly #ports: PolicyJudgePorts;
  #known: TokenFacts | undefined;
  /** Of a token that could not be verified at once. */
  pending: Promise<VerifiedToken> | undefined;

  constructor(request: AccessRequest, policy: PortPolicy, ports: PolicyJudgePorts) {
    this.#request = request;
    this.#policy = policy;
    this.#ports = ports;
  }

  facts(): TokenFacts {
    this.#known ??= this.#read();
    return this.#known;
  }

  #read(): TokenFacts {
    const read = readBearerToken(this.#request.headers);
    if (read.kind === 'facts') return read.facts;
    const { identityProviders = [] } = this.#policy;
    const verified: Verified = this.#ports.tokens.verify(identityProviders, read.token, this.#ports.nowMs());
    if (!(verified instanceof Promise)) return verified;
    this.pending = verified;
    return { kind: 'none' };
  }
}

function judgeBy(
  policy: PortPolicy,
  revision: string,
  request: AccessRequest,
  token: Pick<LazyToken, 'facts'>,
  nowMs: number,
): Decision {
  const principal = request.principal.kind === 'uri-san' ? request.principal.uri : '';
  const { method, path, host, headers } = request;
  const asked = { kind: 'http', principal, method, path, host, headers, token: () => token.facts() } as const;
  const decision = decide(policy, asked, nowMs);
  if (decision.kind === 'allow') {
    const allow = { kind: 'allow', rule: decision.rule.name, revision } as const;
    return decision.audited === undefined ? allow : { ...allow, audited: tellReason(decision.audited).code };
  }
  const { code, sentence } = tellReason(decision.reason);
  const caller = parseSpiffeId(principal);
  const mayKnow =
    caller.kind === 'ok' && caller.id.trustDomain === policy.trustDomain && caller.id.namespace === policy.tenant;
  return {
    kind: 'deny',
    reason: code,
    revision,
    ...('rule' in decision.reason ? { rule: decision.reason.rule.name } : {}),
    ...(mayKnow ? { publicText: sentence } : {}),
  };
}

function unavailable(why: string) {
  return { kind: 'unavailable', why } as const;
}

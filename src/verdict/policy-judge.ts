/**
 * Answers ext_authz by the compiled policies: the second enforcer of the one policy.
 *
 *   AccessRequest ──workload and port, as Envoy's configuration names them──▶ Program ──decide──▶ Decision
 *
 * What is not known is not judged: no book, too old a book or an unknown workload is "unavailable", which callers see
 * as 503. So is a check by anybody but the workload's own sidecar: a stolen leaf of another workload learns nothing here
 * about this one's policy. The reason of a denial goes to callers of the same tenant; to a stranger a wall has no reason.
 */
import type { AccessRequest } from '../authz/access-request.ts';
import type { Asker, Decision, Judge } from '../authz/judge.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { decide } from '../policy/decide.ts';
import { checkContext, type Program } from '../policy/program.ts';
import { tellReason } from '../policy/tell-reason.ts';
import { bookState, type ProgramBook } from './program-book.ts';

export interface PolicyJudgePorts {
  book(): ProgramBook | undefined;
  nowMs(): number;
}

export function policyJudge(ports: PolicyJudgePorts): Judge {
  return {
    judge(request, asker) {
      const nowMs = ports.nowMs();
      const state = bookState(ports.book(), nowMs);
      if (state.kind === 'none') return unavailable('no policy has been received yet');
      if (state.kind === 'too-old') return unavailable('the policies held are older than they may be');
      const { book } = state;
      const program = book.programs.get(request.contextExtensions.get(checkContext.workload) ?? '');
      if (program === undefined) return unavailable('the workload that is asked about has no policy');
      if (!isOwnSidecar(asker, program)) {
        return unavailable(`asked by \`${asker.spiffeUris}\`, which is not the workload's own sidecar`);
      }
      return judgeBy(program, book.revision, request, nowMs);
    },
  };
}

function isOwnSidecar({ spiffeUris }: Asker, { spiffeId }: Program): boolean {
  return spiffeUris.length === 1 && spiffeUris[0] === spiffeId;
}

function judgeBy(program: Program, revision: string, request: AccessRequest, nowMs: number): Decision {
  const policy = program.ports.get(Number(request.contextExtensions.get(checkContext.port)));
  if (policy === undefined) return unavailable('the port that is asked about has no policy');
  const principal = request.principal.kind === 'uri-san' ? request.principal.uri : '';
  const decision = decide(policy, { kind: 'http', principal, method: request.method, path: request.path }, nowMs);
  if (decision.kind === 'allow') return { kind: 'allow', rule: decision.rule.name, revision };
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

function unavailable(why: string): Decision {
  return { kind: 'unavailable', why };
}

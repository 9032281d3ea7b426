/**
 * Judges by a rules file. A request is allowed by the first rule that names its principal, its method and its path.
 *
 * The surprise: a path that Envoy should have normalised and did not is denied whatever the rules say, because
 * `/public/../admin` is under `/public` for us and may be `/admin` for the application.
 */
import type { AccessRequest } from './access-request.ts';
import type { Decision } from './judge.ts';
import type { StaticRule, StaticRules } from './static-rules.ts';

export function staticJudge({ rules, revision }: StaticRules): { judge: (request: AccessRequest) => Decision } {
  const rulesOf = new Map<string, StaticRule[]>();
  for (const rule of rules) {
    for (const principal of new Set(rule.principals)) {
      rulesOf.set(principal, [...(rulesOf.get(principal) ?? []), rule]);
    }
  }
  return {
    judge({ principal, method, path }) {
      if (principal.kind === 'none') return { kind: 'deny', reason: 'no-principal', revision };
      if (!isNormalised(path)) return { kind: 'deny', reason: 'path-not-normalised', revision };
      const rule = rulesOf
        .get(principal.uri)
        ?.find(({ methods, paths }) => methods.includes(method) && paths.some((subtree) => isUnder(path, subtree)));
      if (rule === undefined) return { kind: 'deny', reason: 'no-allow-rule', revision };
      return { kind: 'allow', rule: rule.name, revision };
    },
  };
}

/** As `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action: REJECT_REQUEST` leave it. */
function isNormalised(path: string): boolean {
  return !/\/\/|\\|\/\.{1,2}(?:\/|;|$)|%2e|%2f|%5c/i.test(path);
}

function isUnder(path: string, subtree: string): boolean {
  return subtree === '/' ? path.startsWith('/') : path === subtree || path.startsWith(`${subtree}/`);
}

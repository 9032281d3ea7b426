/**
 * A call of which not everything is known, put to one policy: allow, deny, or unknown.
 *
 *   rule that asks ──judge──▶ asked nothing that is missing ──▶ matches, or does not
 *                       └───▶ asked ──▶ its bare form: no match ──▶ does not
 *                                                     match    ──▶ maybe
 *   policy ──▶ at worst (every "maybe" of a deny holds, none of an allow) ──decide──▶ allow: allow, whatever is missing
 *         └──▶ at best  (none of a deny, every one of an allow)           ──decide──▶ deny: deny, whatever is missing
 *
 * Nothing is judged here: rules are put to `RuleJudge`, policies to `decide`, as a worker does. The surprise: what is
 * missing is not guessed but watched. Headers and token are functions, so a rule that was decided without calling them
 * cannot depend on them.
 */
import { canonicalJson } from '../model/canonical-json.ts';
import type { HttpAccess } from '../policy/access-request.ts';
import { type AccessRequest, type DenyReason, decide } from '../policy/decide.ts';
import type { Effect } from '../policy/match-path.ts';
import type { PortPolicy, Rule } from '../policy/port-policy.ts';
import { type Reading, readRequest } from '../policy/reading.ts';
import { RuleJudge } from '../policy/rule-judge.ts';
import type { RecordedCall } from './recorded-call.ts';
import { asksOf, bareOf, type Knowledge, mayAsk } from './unrecorded.ts';

export type PartialVerdict =
  | { readonly kind: 'allow'; readonly rule: Rule }
  | { readonly kind: 'deny'; readonly reason: DenyReason }
  | {
      readonly kind: 'unknown';
      /** The rules it hangs on; never empty. */
      readonly hinges: readonly Hinge[];
      /** Equal where the same unknown decides in the same way, whatever it is. */
      readonly residue: string;
    };

export interface Hinge {
  readonly effect: Effect;
  readonly rule: Rule;
  /** What would settle it, in words. */
  readonly asks: readonly string[];
}

/** Most pairs of bounds that one policy keeps: one for each way in which its asking rules came out together. */
const boundsMax = 256;
/** In the place of a host that is not known: no rule names it, and those that ask for a host are not put to it. */
const unknownHost = 'unrecorded.invalid';

type Outcome = 'matches' | 'maybe' | 'told' | 'misses';

interface Asking {
  readonly effect: Effect;
  readonly rule: Rule;
  readonly bare: Rule;
  readonly judge: RuleJudge;
  readonly bareJudge: RuleJudge;
  /** A host that is not known leaves it open. */
  readonly mayAskHost: boolean;
}

interface Bounds {
  readonly worst: PortPolicy;
  readonly best: PortPolicy;
  readonly hinges: readonly Hinge[];
}

export class PartialJudge {
  readonly #knowledge: Knowledge;
  readonly #plain: PortPolicy;
  readonly #asking: readonly Asking[];
  readonly #bounds = new Map<string, Bounds>();
  /** Whether the hour of a call may decide. */
  readonly knowsTime: boolean;

  constructor({ audited: _, ...policy }: PortPolicy, knowledge: Knowledge) {
    this.#knowledge = knowledge;
    const plain = (rules: readonly Rule[]) => rules.filter((rule) => !mayAsk(rule, knowledge));
    this.#plain = { ...policy, deny: plain(policy.deny), allow: plain(policy.allow) };
    const asking = (effect: Effect, rules: readonly Rule[]) =>
      rules.filter((rule) => mayAsk(rule, knowledge)).map((rule) => askingRule(effect, rule, knowledge));
    this.#asking = [...asking('deny', policy.deny), ...asking('allow', policy.allow)];
    this.knowsTime = [...policy.deny, ...policy.allow].some(({ when }) => when !== undefined);
  }

  /** @param nowMs epoch ms at which ends and conditions are judged. */
  judge(call: Pick<RecordedCall, 'caller' | 'request' | 'hadNoToken'>, nowMs: number): PartialVerdict {
    const watched = new Watched(call);
    const { worst, best, hinges } = this.#boundsFor(watched, call, nowMs);
    const atWorst = decide(worst, watched.request, nowMs);
    if (atWorst.kind === 'allow') return atWorst;
    const atBest = decide(best, watched.request, nowMs);
    if (atBest.kind === 'deny') return atBest;
    const undenied = decide({ ...worst, deny: [] }, watched.request, nowMs);
    return { kind: 'unknown', hinges, residue: residueOf(hinges, undenied.kind === 'allow', worst, this.#knowledge) };
  }

  #boundsFor(watched: Watched, { caller, request }: Pick<RecordedCall, 'caller' | 'request'>, nowMs: number): Bounds {
    const reading = readRequest({ ...watched.request, principal: caller }, this.#plain.trustDomain, nowMs);
    if (reading === undefined || this.#asking.length === 0) return this.#boundsOf([]);
    const isHostKnown = request?.host !== undefined;
    return this.#boundsOf(
      this.#asking.map((asking) => {
        const isOpen = this.#knowledge === 'connection' || (asking.mayAskHost && !isHostKnown);
        return outcomeOf(asking, watched, reading, isOpen);
      }),
    );
  }

  #boundsOf(outcomes: readonly Outcome[]): Bounds {
    const key = outcomes.join();
    const known = this.#bounds.get(key);
    if (known !== undefined) return known;
    if (this.#bounds.size >= boundsMax) this.#bounds.clear();
    const came = (outcome: Outcome, effect: Effect) =>
      this.#asking.filter((each, index) => outcomes[index] === outcome && each.effect === effect);
    const bare = (outcome: Outcome, effect: Effect) => came(outcome, effect).map((each) => each.bare);
    const told = came('told', 'allow').map(({ rule }) => rule);
    const { deny, allow } = this.#plain;
    const denied = [...deny, ...bare('matches', 'deny')];
    const allowed = [...allow, ...bare('matches', 'allow'), ...told];
    const bounds = {
      worst: { ...this.#plain, deny: [...denied, ...bare('maybe', 'deny')], allow: allowed },
      best: { ...this.#plain, deny: denied, allow: [...allowed, ...bare('maybe', 'allow')] },
      hinges: [...came('maybe', 'deny'), ...came('maybe', 'allow')].map(({ effect, rule }) => ({
        effect,
        rule,
        asks: asksOf(rule, this.#knowledge),
      })),
    };
    this.#bounds.set(key, bounds);
    return bounds;
  }
}

function askingRule(effect: Effect, rule: Rule, knowledge: Knowledge): Asking {
  const bare = bareOf(rule, knowledge);
  return {
    effect,
    rule,
    bare,
    judge: new RuleJudge(rule, effect),
    bareJudge: new RuleJudge(bare, effect),
    mayAskHost: rule.match.hosts !== undefined || rule.when !== undefined,
  };
}

/** @param isOpen something is missing that a rule reads without calling for it. */
function outcomeOf({ judge, bareJudge }: Asking, watched: Watched, reading: Reading, isOpen: boolean): Outcome {
  watched.asked = isOpen;
  const outcome = judge.judge(reading);
  if (watched.asked) return bareJudge.judge(reading) === 'matches' ? 'maybe' : 'misses';
  if (outcome === 'matches') return 'matches';
  // It decides nothing, and `decide` tells of it why it did not.
  return outcome === 'ended' || outcome === 'token-missing' ? 'told' : 'misses';
}

/** A request that notes whether somebody asked for what it does not hold. */
class Watched {
  asked = false;
  readonly request: AccessRequest;

  constructor({ caller, request, hadNoToken }: Pick<RecordedCall, 'caller' | 'request' | 'hadNoToken'>) {
    const ask = <T>(nothing: T) => {
      this.asked = true;
      return nothing;
    };
    const none = { kind: 'none' } as const;
    const { method = 'GET', path = '/', host = unknownHost } = request ?? {};
    const http: HttpAccess = {
      kind: 'http',
      principal: caller,
      method,
      path,
      host,
      headers: { lines: () => ask([]), names: () => ask([]) },
      token: () => (hadNoToken === true ? none : ask(none)),
    };
    this.request = http;
  }
}

/** By content: a rule that moved to another line, or was named anew, decides as it did. */
function residueOf(
  hinges: readonly Hinge[],
  isAllowed: boolean,
  { identityProviders = [] }: PortPolicy,
  knowledge: Knowledge,
): string {
  const told = hinges.map(({ effect, rule: { match, token, when } }) => {
    const { methods: _methods, paths: _paths, ...missing } = match;
    return canonicalJson({ effect, match: knowledge === 'connection' ? match : missing, token, when });
  });
  return canonicalJson({ isAllowed, hinges: [...new Set(told)].sort(), identityProviders });
}

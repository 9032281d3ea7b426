/**
 * The first condition of a rule that does not hold, in words: what the rule asks for, and what the request shows.
 *
 * Which condition that is, the judge has said already; here it is only told, and of several headers, groups and claims the
 * one is found that failed.
 */
import { quote } from '../model/quote.ts';
import type { ClaimMatch, HeaderMatch, HostMatch, PathMatch } from '../model/snapshot.ts';
import { type HeaderLines, noHeaders } from './access-request.ts';
import type { Effect } from './match-path.ts';
import { matchesHeader } from './match-request.ts';
import { matchesToken, type ValidToken } from './match-token.ts';
import type { Callers, Rule } from './port-policy.ts';
import type { Reading } from './reading.ts';
import type { RuleOutcome } from './rule-judge.ts';
import type { TokenFacts } from './token.ts';

export interface Miss {
  /** In the words of the language; `request` where a port shows none. */
  readonly condition:
    | 'caller'
    | 'port'
    | 'request'
    | 'method'
    | 'path'
    | 'host'
    | 'header'
    | 'notAfter'
    | 'token'
    | 'provider'
    | 'group'
    | 'claim'
    | 'when';
  readonly asks: string;
  readonly shows: string;
}

/** @param outcome of this rule for this reading. @returns undefined where it matches. */
export function firstMiss(rule: Rule, effect: Effect, reading: Reading, outcome: RuleOutcome): Miss | undefined {
  const { match, notAfterMs, when = '' } = rule;
  const { http } = reading;
  switch (outcome) {
    case 'matches':
      return undefined;
    case 'other-caller':
      return { condition: 'caller', asks: callersText(rule.callers), shows: quoted(reading.principal) };
    case 'other-method':
      return { condition: 'method', asks: listed(match.methods), shows: quoted(http?.method ?? '') };
    case 'other-path':
      if (http === undefined) return opaqueMiss;
      return { condition: 'path', asks: listed(match.paths.map(pathText)), shows: quoted(http.path) };
    case 'other-host':
      return { condition: 'host', asks: listed((match.hosts ?? []).map(hostText)), shows: quoted(http?.host ?? '') };
    case 'other-header':
      return headerMiss(match.headers ?? [], effect, http?.headers ?? noHeaders);
    case 'ended':
      return { condition: 'notAfter', asks: `a moment before ${iso(notAfterMs ?? 0)}`, shows: iso(reading.nowMs) };
    case 'token-missing':
      return { condition: 'token', asks: tokenText(rule), shows: 'no token' };
    case 'token-invalid': {
      const token = reading.token();
      return {
        condition: 'token',
        asks: tokenText(rule),
        shows: token.kind === 'invalid' ? `one that is not valid: ${token.why}` : untoldText(token),
      };
    }
    case 'other-token': {
      const token = reading.token();
      return token.kind === 'valid' ? tokenMiss(rule, token) : undefined;
    }
    case 'condition-false':
      return { condition: 'when', asks: quoted(when), shows: 'false' };
    case 'condition-error':
      return { condition: 'when', asks: quoted(when), shows: 'something that cannot be judged by it' };
  }
}

/** Of a rule that speaks of requests, on a port that shows none. */
export const opaqueMiss: Miss = {
  condition: 'request',
  asks: 'requests of some kind',
  shows: 'bytes: the port is opaque TCP',
};

function headerMiss(headers: readonly HeaderMatch[], effect: Effect, lines: HeaderLines): Miss | undefined {
  const failed = headers.find((header) => !matchesHeader(header, effect, lines));
  if (failed === undefined) return undefined;
  const shown = lines.lines(failed.name);
  return {
    condition: 'header',
    asks: headerText(failed),
    shows: shown.length === 0 ? 'no such header' : listed(shown),
  };
}

function untoldText(token: TokenFacts): string {
  return token.kind === 'valid' && token.untold !== undefined
    ? `one in which ${token.untold.why}`
    : 'none that is valid';
}

function tokenMiss({ token: wanted }: Rule, token: ValidToken): Miss | undefined {
  if (wanted === undefined) return undefined;
  const { provider, groups, claims } = wanted;
  if (provider !== undefined && provider !== token.provider) {
    return { condition: 'provider', asks: quoted(provider), shows: quoted(token.provider) };
  }
  if (!matchesToken({ groups, claims: [] }, token)) {
    return { condition: 'group', asks: listed(groups), shows: listed(token.groups) };
  }
  const claim = claims.find((each) => !matchesToken({ groups: [], claims: [each] }, token));
  if (claim === undefined) return undefined;
  return { condition: 'claim', asks: claimText(claim), shows: 'a token that says something else, or nothing, of it' };
}

function callersText(callers: Callers): string {
  if (callers === 'anyone') return 'anyone';
  return listed(callers.map((caller) => (caller.kind === 'tenant' ? `tenant ${caller.tenant}` : caller.spiffeId)));
}

function pathText({ kind, path }: PathMatch): string {
  return kind === 'subtree' ? `${path === '/' ? '' : path}/*` : path;
}

function hostText(host: HostMatch): string {
  return host.kind === 'exact' ? host.host : `*${host.suffix}`;
}

function headerText(header: HeaderMatch): string {
  const name = quoted(header.name);
  switch (header.kind) {
    case 'exact':
      return `${name} to be ${quoted(header.value)}`;
    case 'prefix':
      return `${name} to begin with ${quoted(header.prefix)}`;
    case 'present':
      return `${name} to be there`;
    case 'absent':
      return `${name} not to be there`;
  }
}

function tokenText({ token }: Rule): string {
  if (token === undefined) return 'a valid token';
  const { provider, groups, claims } = token;
  return [
    provider === undefined ? 'a valid token' : `a valid token of ${quoted(provider)}`,
    ...(groups.length === 0 ? [] : [`in group ${listed(groups)}`]),
    ...claims.map((claim) => `with ${claimText(claim)}`),
  ].join(', ');
}

function claimText({ path, values }: ClaimMatch): string {
  return `claim ${quoted(path.join('.'))} to be ${listed(values)}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Most of a list that one line tells. */
const listedMax = 8;

function listed(words: readonly string[]): string {
  if (words.length === 0) return 'none';
  const shown = words.slice(0, listedMax).map(quoted).join(' or ');
  return words.length > listedMax ? `${shown} or any of ${words.length - listedMax} more` : shown;
}

/** Longest word that one line tells, in characters: a path that somebody sent may be of any length, and hold anything. */
const wordLengthMax = 256;

function quoted(word: string): string {
  return quote(word, wordLengthMax);
}

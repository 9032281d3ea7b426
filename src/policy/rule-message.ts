/**
 * One rule on its way to a worker, and back.
 *
 * The surprise: what cannot match by mistake must be refused, as in a deny rule it would let through. "Nobody in
 * particular" must be said: an empty list is a rule that lost its callers, not a rule for everyone.
 */
import { create, type Message } from '@bufbuild/protobuf';
import {
  type Caller as CallerMessage,
  type HeaderMatch as HeaderMessage,
  type HostMatch as HostMessage,
  type PathMatch as PathMessage,
  type Rule as RuleMessage,
  RuleSchema,
  type TokenMatch as TokenMessage,
} from '#gen/coffre/policy/v1/program_pb.js';
import { checkCel } from '../model/cel/check-cel.ts';
import type { HeaderMatch, HostMatch, PathMatch, TokenMatch } from '../model/snapshot.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import type { Caller, Rule } from './port-policy.ts';

export function writeRule({ name, callers, match, token, when, notAfterMs, where }: Rule): RuleMessage {
  return create(RuleSchema, {
    name,
    anyone: callers === 'anyone',
    callers: callers === 'anyone' ? [] : callers.map(writeCaller),
    methods: [...match.methods],
    paths: match.paths.map(({ kind, path }) => ({ match: { case: kind, value: path } })),
    hosts: (match.hosts ?? []).map(writeHost),
    headers: (match.headers ?? []).map(writeHeader),
    ...(token === undefined ? {} : { token: writeToken(token) }),
    ...(when === undefined ? {} : { when }),
    ...(notAfterMs === undefined ? {} : { notAfterMs: BigInt(notAfterMs) }),
    file: where.file,
    line: where.line,
  });
}

function writeCaller(caller: Caller) {
  return caller.kind === 'tenant'
    ? { caller: { case: 'tenant' as const, value: caller.tenant } }
    : { caller: { case: 'spiffeId' as const, value: caller.spiffeId } };
}

function writeHost(host: HostMatch) {
  return host.kind === 'exact'
    ? { match: { case: 'exact' as const, value: host.host } }
    : { match: { case: 'suffix' as const, value: host.suffix } };
}

function writeHeader(header: HeaderMatch) {
  const { name } = header;
  switch (header.kind) {
    case 'exact':
      return { name, match: { case: 'exact' as const, value: header.value } };
    case 'prefix':
      return { name, match: { case: 'prefix' as const, value: header.prefix } };
    case 'present':
    case 'absent':
      return { name, match: { case: 'present' as const, value: header.kind === 'present' } };
  }
}

function writeToken({ provider, groups, claims }: TokenMatch) {
  return {
    ...(provider === undefined ? {} : { provider }),
    groups: [...groups],
    claims: claims.map(({ path, values }) => ({ path: [...path], values: [...values] })),
  };
}

/** @param rule of a program that anybody may have written. */
export function isWhole(rule: RuleMessage): boolean {
  const { name, anyone, callers, methods, paths, hosts, headers, token, when, notAfterMs = 0n } = rule;
  if (saysMore(rule) || name === '' || anyone !== (callers.length === 0)) return false;
  if (notAfterMs < 0n || notAfterMs > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  if (when !== undefined && checkCel(when).kind === 'refused') return false;
  if (!methods.every((method) => method !== '') || !callers.every(isCaller) || !paths.every(isPath)) return false;
  return hosts.every(isHost) && headers.every(isHeader) && (token === undefined || isToken(token));
}

function isCaller(message: CallerMessage): boolean {
  const { caller } = message;
  if (saysMore(message)) return false;
  return caller.case === 'tenant' ? caller.value !== '' : parseSpiffeId(caller.value ?? '').kind === 'ok';
}

function isPath(message: PathMessage): boolean {
  const { match } = message;
  return (
    !saysMore(message) &&
    match.value?.startsWith('/') === true &&
    match.value.includes('{') === (match.case === 'template')
  );
}

function isHost(message: HostMessage): boolean {
  const { match } = message;
  if (saysMore(message) || match.value === undefined || match.value === '') return false;
  return match.value.startsWith('.') === (match.case === 'suffix');
}

function isHeader(message: HeaderMessage): boolean {
  const { name, match } = message;
  return !saysMore(message) && name !== '' && match.case !== undefined && match.value !== '';
}

function isToken(message: TokenMessage): boolean {
  if (saysMore(message) || message.provider === '' || message.groups.includes('')) return false;
  return message.claims.every((claim) => !saysMore(claim) && claim.path.length > 0 && claim.values.length > 0);
}

/** A field that this worker does not know. */
export function saysMore({ $unknown = [] }: Message): boolean {
  return $unknown.length > 0;
}

/** @param rule that is whole. */
export function readRule(rule: RuleMessage): Rule {
  return {
    name: rule.name,
    callers: rule.anyone ? 'anyone' : rule.callers.flatMap(readCaller),
    match: {
      methods: rule.methods,
      paths: rule.paths.flatMap(readPath),
      ...(rule.hosts.length === 0 ? {} : { hosts: rule.hosts.flatMap(readHost) }),
      ...(rule.headers.length === 0 ? {} : { headers: rule.headers.flatMap(readHeader) }),
    },
    ...(rule.token === undefined ? {} : { token: readToken(rule.token) }),
    ...(rule.when === undefined ? {} : { when: rule.when }),
    ...(rule.notAfterMs === undefined ? {} : { notAfterMs: Number(rule.notAfterMs) }),
    where: { file: rule.file, line: rule.line },
  };
}

function readCaller({ caller }: CallerMessage): Caller[] {
  if (caller.case === 'tenant') return [{ kind: 'tenant', tenant: caller.value }];
  return caller.case === 'spiffeId' ? [{ kind: 'identity', spiffeId: caller.value }] : [];
}

function readPath({ match }: PathMessage): PathMatch[] {
  return match.case === undefined ? [] : [{ kind: match.case, path: match.value }];
}

function readHost({ match }: HostMessage): HostMatch[] {
  if (match.case === 'exact') return [{ kind: 'exact', host: match.value }];
  return match.case === 'suffix' ? [{ kind: 'suffix', suffix: match.value }] : [];
}

function readHeader({ name, match }: HeaderMessage): HeaderMatch[] {
  switch (match.case) {
    case 'exact':
      return [{ kind: 'exact', name, value: match.value }];
    case 'prefix':
      return [{ kind: 'prefix', name, prefix: match.value }];
    case 'present':
      return [{ kind: match.value ? 'present' : 'absent', name }];
    default:
      return [];
  }
}

function readToken({ provider, groups, claims }: TokenMessage): TokenMatch {
  return {
    ...(provider === undefined ? {} : { provider }),
    groups,
    claims: claims.map(({ path, values }) => ({ path, values })),
  };
}

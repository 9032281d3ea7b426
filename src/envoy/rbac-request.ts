/**
 * What a rule asks of a request, as permissions of Envoy's RBAC: method, path, host and headers.
 *
 * Envoy puts a header matcher to each line of a header by itself, and is content with one. That is what a deny asks, once
 * each value within a line is looked at too. An allow asks that there be one value only, which no matcher can
 * say; a condition can, as it sees all lines joined by commas (see `rbac-condition.ts`).
 */
import { create } from '@bufbuild/protobuf';
import { type Permission, PermissionSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { PathMatcherSchema } from '#gen/envoy/type/matcher/v3/path_pb.js';
import type { HeaderMatch, HostMatch, PathMatch, RequestMatch } from '../model/snapshot.ts';
import type { Effect } from '../policy/match-path.ts';
import { allowedTemplate, deniedPath, deniedSubtree, secondReadingMarks, uncleanPath } from './path-regex.ts';
import { contains, exact, prefix, regex, type StringMatch } from './string-match.ts';

/** All that the match names must hold. */
export function permissionOf({ methods, paths, hosts = [], headers = [] }: RequestMatch, effect: Effect): Permission {
  return allOf([
    ...(methods.length === 0 ? [] : [anyOf(methods.map((method) => header(':method', exact(method))))]),
    ...(paths.length === 0 ? [] : [effect === 'allow' ? allowedPaths(paths) : deniedPaths(paths)]),
    ...(hosts.length === 0 ? [] : [hostIs(hosts)]),
    ...headers.flatMap((each) => headerIs(each, effect)),
  ]);
}

/** A path that is refused whatever the rules say. */
export function pathIsUnclean(): Permission {
  return urlPath(regex(uncleanPath));
}

/** No host, or what is none: several `Host` headers reach the rules, and the application, joined by commas. */
export function hostIsBad(): Permission {
  return not(header(':authority', regex(anyHost)));
}

function allowedPaths(paths: readonly PathMatch[]): Permission {
  return anyOf(paths.flatMap((path) => letters(path).map(urlPath)));
}

/** By letters, and by names where there is something that names differ in: a regular expression costs more than a comparison. */
function deniedPaths(paths: readonly PathMatch[]): Permission {
  const marked = anyOf(secondReadingMarks.map((mark) => urlPath(contains(mark))));
  const named = anyOf(paths.map((path) => urlPath(regex(pattern(path)))));
  return anyOf([...paths.flatMap((path) => letters(path).map(urlPath)), allOf([marked, named])]);
}

function letters({ kind, path }: PathMatch): readonly StringMatch[] {
  switch (kind) {
    case 'exact':
      return [exact(path)];
    case 'template':
      return [regex(allowedTemplate(path))];
    case 'subtree':
      return [exact(path), prefix(`${path}/`)];
  }
}

function pattern({ kind, path }: PathMatch): string {
  return kind === 'subtree' ? deniedSubtree(path) : deniedPath(path);
}

/** What `canonicalHost` takes for a host, but for its length, in which there is no second reading. */
const anyHost = String.raw`(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?`;

function hostIs(hosts: readonly HostMatch[]): Permission {
  return anyOf(hosts.map((host) => header(':authority', regex(hostPattern(host)))));
}

function hostPattern(match: HostMatch): string {
  const name = match.kind === 'exact' ? dotted(match.host) : `(?:[\\w-]+\\.)+${dotted(match.suffix.slice(1))}`;
  return `(?i)${name}\\.?(?::[0-9]{1,5})?`;
}

function dotted(host: string): string {
  return host.replaceAll('.', '\\.');
}

function headerIs(match: HeaderMatch, effect: Effect): readonly Permission[] {
  switch (match.kind) {
    case 'present':
      return [present(match.name)];
    case 'absent':
      return [not(present(match.name))];
    case 'exact':
      return effect === 'allow' ? [] : [header(match.name, regex(anyValue(quoted(match.value))))];
    case 'prefix':
      return effect === 'allow' ? [] : [header(match.name, regex(anyValue(quoted(match.prefix), '\\C*')))];
  }
}

/** One of the values between commas; what stands around it may be any bytes, text or not. */
function anyValue(value: string, end: string = '[ \\t]*(?:,\\C*)?'): string {
  return `(?:\\C*,)?[ \\t]*${value}${end}`;
}

function quoted(text: string): string {
  return text.replace(/[^A-Za-z0-9_ ~-]/g, '\\$&');
}

function header(name: string, value: StringMatch): Permission {
  const headerMatchSpecifier = { case: 'stringMatch', value } as const;
  return create(PermissionSchema, { rule: { case: 'header', value: { name, headerMatchSpecifier } } });
}

function present(name: string): Permission {
  const headerMatchSpecifier = { case: 'presentMatch', value: true } as const;
  return create(PermissionSchema, { rule: { case: 'header', value: { name, headerMatchSpecifier } } });
}

function urlPath(matcher: StringMatch): Permission {
  const value = create(PathMatcherSchema, { rule: { case: 'path', value: matcher } });
  return create(PermissionSchema, { rule: { case: 'urlPath', value } });
}

function not(rule: Permission): Permission {
  return create(PermissionSchema, { rule: { case: 'notRule', value: rule } });
}

function anyOf(rules: readonly Permission[]): Permission {
  const [first, ...others] = rules;
  if (first !== undefined && others.length === 0) return first;
  return create(PermissionSchema, { rule: { case: 'orRules', value: { rules: [...rules] } } });
}

function allOf(rules: readonly Permission[]): Permission {
  const [first, ...others] = rules;
  if (first === undefined) return create(PermissionSchema, { rule: { case: 'any', value: true } });
  if (others.length === 0) return first;
  return create(PermissionSchema, { rule: { case: 'andRules', value: { rules: [...rules] } } });
}

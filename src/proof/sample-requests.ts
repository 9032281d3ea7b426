/**
 * A few requests that stand for all, at one HTTP port: every combination of what its routes and rules can tell apart.
 *
 *   routes, rules ──▶ matchers of method, path, host, headers ──▶ sample texts of each ──▶ their product
 */
import type { Permission, Principal, RBAC } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { HeaderMatcher } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { headersIn } from './condition.ts';
import { conditionOf } from './rbac-reading.ts';
import { type ExampleRequest, isTheCallers, textMatcherOf } from './request.ts';
import { type SampleTexts, sampleTexts } from './sample-texts.ts';

/** Most requests that are tried at one port. Past it they stand for fewer requests than all, and the answer may be `unknown`. */
const samplesMax = 4_096;

export interface SampleRequests {
  readonly requests: readonly ExampleRequest[];
  /** They stand for all requests, as far as matchers are understood; see `Grasp`. */
  readonly whole: boolean;
  /** No matcher was met that the samples do not cover. */
  readonly complete: boolean;
}

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];

/** What is asked of requests, gathered from all over one port. */
export class Vocabulary {
  readonly #paths: StringMatcher[] = [];
  readonly #hosts: StringMatcher[] = [];
  readonly #headers = new Map<string, StringMatcher[]>();

  path(matcher: StringMatcher): void {
    this.#paths.push(matcher);
  }

  host(matcher: StringMatcher): void {
    this.#hosts.push(matcher);
  }

  header(matcher: HeaderMatcher): void {
    this.#headerText(matcher.name, textMatcherOf(matcher));
  }

  rules(rules: RBAC | undefined): void {
    for (const { permissions, principals, condition } of Object.values(rules?.policies ?? {})) {
      const headers = condition === undefined ? [] : headersIn(conditionOf(condition));
      for (const { name, matcher } of headers) this.#headerText(name, matcher);
      for (const permission of permissions) this.#permission(permission);
      for (const principal of principals) this.#principal(principal);
    }
  }

  samples(): SampleRequests {
    const ofMethods = sampleTexts(this.#headers.get(':method') ?? [], '', methods);
    const ofPaths = sampleTexts(this.#paths, '/', []);
    const ofHosts = sampleTexts([...this.#hosts, ...(this.#headers.get(':authority') ?? [])], '', ['service.invalid']);
    const named = [...this.#headers].filter(([name]) => !name.startsWith(':'));
    const ofHeaders = named.map(([name, matchers]) => ({ name, ...sampleTexts(matchers, '', []) }));
    const everything: readonly SampleTexts[] = [ofMethods, ofPaths, ofHosts, ...ofHeaders];
    const requests: ExampleRequest[] = [];
    let whole = true;
    for (const headers of headersOf(ofHeaders)) {
      for (const host of ofHosts.texts) {
        for (const path of ofPaths.texts) {
          for (const method of ofMethods.texts) {
            if (requests.length < samplesMax) requests.push({ method, path, host, headers });
            else whole = false;
          }
        }
      }
      if (!whole) break;
    }
    return { requests, whole, complete: everything.every(({ complete }) => complete) };
  }

  /** @param text absent where only the header's presence is asked for. */
  #headerText(header: string, text: StringMatcher | undefined): void {
    const name = header.toLowerCase() === 'host' ? ':authority' : header.toLowerCase();
    if (!isTheCallers(name)) return;
    const known = this.#headers.get(name) ?? [];
    this.#headers.set(name, text === undefined ? known : [...known, text]);
  }

  #permission({ rule }: Permission): void {
    if (rule.case === 'andRules' || rule.case === 'orRules')
      for (const each of rule.value.rules) this.#permission(each);
    if (rule.case === 'notRule') this.#permission(rule.value);
    if (rule.case === 'header') this.header(rule.value);
    if (rule.case === 'urlPath' && rule.value.rule.case === 'path') this.path(rule.value.rule.value);
  }

  #principal({ identifier }: Principal): void {
    if (identifier.case === 'andIds' || identifier.case === 'orIds') {
      for (const each of identifier.value.ids) this.#principal(each);
    }
    if (identifier.case === 'notId') this.#principal(identifier.value);
    if (identifier.case === 'header') this.header(identifier.value);
    if (identifier.case === 'urlPath' && identifier.value.rule.case === 'path') this.path(identifier.value.rule.value);
  }
}

/** Each header is absent, or has one of its sample texts; those without any come first. */
function* headersOf(
  dimensions: readonly { readonly name: string; readonly texts: readonly string[] }[],
): Generator<ReadonlyMap<string, string>> {
  const [first, ...others] = dimensions;
  if (first === undefined) {
    yield new Map();
    return;
  }
  for (const value of [undefined, ...first.texts]) {
    for (const rest of headersOf(others)) {
      yield value === undefined ? rest : new Map([[first.name, value], ...rest]);
    }
  }
}

/**
 * The conditions that let in one request and no other: what a cure writes under its callers and ports.
 *
 *   what the question states, and the headers and tokens that rules of the port ask about
 *     ──▶ methods, paths, hosts, headers        where a field has words for it, since a proxy judges these alone
 *     ──▶ when                                  in CEL, for the rest: an odd path, a list of values, who bears the token
 *
 * What neither can say is told, and never left out in silence. The surprise: a header that is not there is said as well,
 * where a rule of the port asks about it: to that port the request with it is another.
 */
import { Value } from 'typebox/value';
import { headerFindings } from '../model/access-policy-rules.ts';
import { celLengthMax, checkCel } from '../model/cel/check-cel.ts';
import { namedHeaders } from '../model/cel/named-headers.ts';
import { headersMax, headers as headersSchema, hosts as hostsSchema } from '../model/kinds/access-policy.ts';
import { methods as methodsSchema, paths as pathsSchema } from '../model/kinds/fields.ts';
import type { AccessRequest, HeaderLines, HttpAccess } from './access-request.ts';
import type { PortPolicy, Rule } from './port-policy.ts';

/** What of a request a question states; of the rest a rule says nothing. */
export type Stated = Partial<Pick<HttpAccess, 'host' | 'headers' | 'token'>>;

export interface ExactRule {
  /** Fields of a rule's or a grant's `to`, as lines of YAML without indentation. */
  readonly to: readonly string[];
  /** In CEL; absent where fields say it all. */
  readonly when?: string;
  /** What no rule can say, so that it lets in more than the request: in words, for whoever is to write it. */
  readonly unsaid: readonly string[];
}

/** On an opaque port a rule that speaks of requests would match nothing. */
export function exactRule(request: AccessRequest, stated: Stated, policy: PortPolicy): ExactRule {
  if (request.kind === 'tcp') return { to: [], unsaid: [] };
  const said = [
    saidMethod(request),
    saidPath(request),
    saidHost(stated),
    ...saidHeaders(stated, policy),
    saidToken(stated, policy),
  ];
  const headers = said.flatMap(({ header }) => header ?? []);
  const conditions = said.flatMap(({ when }) => when ?? []);
  const when = conditions.join(' && ');
  const isSayable = when.length <= celLengthMax && (when === '' || checkCel(when).kind === 'ok');
  return {
    to: [...said.flatMap(({ field }) => field ?? []), ...(headers.length === 0 ? [] : ['headers:', ...headers])],
    ...(when === '' || !isSayable ? {} : { when }),
    unsaid: [...said.flatMap(({ unsaid }) => unsaid ?? []), ...(isSayable ? [] : ['all that a condition would say'])],
  };
}

interface Said {
  readonly field?: string;
  readonly header?: string;
  readonly when?: string;
  readonly unsaid?: string;
}

function saidMethod({ method }: HttpAccess): Said {
  if (Value.Check(methodsSchema.items, method)) return { field: `methods: [${text(method)}]` };
  return { when: `request.method == ${text(method)}` };
}

/** The nearest folder above stands beside a condition, so that the rule is still found by its path. */
function saidPath({ path }: HttpAccess): Said {
  const segments = path.split('/');
  const folders = segments.map((_, index) => `${segments.slice(0, -1 - index).join('/')}/*`);
  const written = [path, ...folders].find((each) => !each.includes('{') && Value.Check(pathsSchema.items, each));
  return {
    ...(written === undefined ? {} : { field: `paths: [${text(written)}]` }),
    ...(written === path && !path.endsWith('/*') ? {} : { when: `request.path == ${text(path)}` }),
  };
}

function saidHost({ host }: Stated): Said {
  if (host === undefined) return {};
  if (Value.Check(hostsSchema.items, host)) return { field: `hosts: [${text(host)}]` };
  return { when: `request.host == ${text(host)}` };
}

/** Those that rules ask about come first. */
function saidHeaders({ headers }: Stated, policy: PortPolicy): readonly Said[] {
  if (headers === undefined) return [];
  const names = [...new Set([...rulesOf(policy).flatMap(askedHeaders), ...headers.names()])].filter(isSeen);
  return names.map((name, index): Said => {
    if (index >= headersMax) return { unsaid: `the header \`${name}\`` };
    return saidHeader(name, headers);
  });
}

function askedHeaders({ match, when }: Rule): readonly string[] {
  return [...(match.headers ?? []).map(({ name }) => name), ...(when === undefined ? [] : namedHeaders(when))];
}

/** A sidecar writes or takes away the others, so that no rule sees what was sent. */
function isSeen(name: string): boolean {
  return headerFindings({ to: { headers: [{ name, present: true }] } }, '').length === 0;
}

function saidHeader(name: string, headers: HeaderLines): Said {
  const [value, ...more] = headers.lines(name);
  if (value === undefined) return { header: `  - { name: ${text(name)}, present: false }` };
  const exact = { name, exact: value };
  if (more.length === 0 && Value.Check(headersSchema.items, exact)) {
    return { header: `  - { name: ${text(name)}, exact: ${text(value)} }` };
  }
  if (!headers.names().every((each) => headers.lines(each).every(isAscii))) {
    return { unsaid: `the value of the header \`${name}\`, which is no text` };
  }
  const values = headers.lines(name).flatMap((line) => line.split(',').map((each) => each.trim()));
  return { when: `request.headers[${text(name)}] == [${values.map(text).join(', ')}]` };
}

function isAscii(line: string): boolean {
  return /^[\t -~]*$/.test(line);
}

function saidToken({ token }: Stated, policy: PortPolicy): Said {
  const facts = token?.() ?? { kind: 'none' };
  if (facts.kind === 'valid') {
    return { when: `token.provider == ${text(facts.provider)} && token.subject == ${text(facts.subject)}` };
  }
  // Where no rule asks for tokens, the request with one is the same to the port.
  if (token === undefined || !rulesOf(policy).some(asksForToken)) return {};
  if (facts.kind === 'none') return { when: '!token.valid' };
  return { unsaid: 'its token, which is not valid' };
}

function asksForToken({ token, when = '' }: Rule): boolean {
  return token !== undefined || /\btoken\b/.test(when);
}

function rulesOf({ deny, allow }: PortPolicy): readonly Rule[] {
  return [...deny, ...allow];
}

/** Quoted alike in YAML and in CEL. */
function text(word: string): string {
  return JSON.stringify(word);
}

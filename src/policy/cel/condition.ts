/**
 * A `when` put to one request: true, false, or an error, which is neither.
 *
 * The variables are those of `model/cel/variables.ts`. Each is made when the condition comes to it, so that nobody
 * verifies a token for a condition that another part has decided. The surprise: the evaluator *returns* its errors, and
 * an error is an object, so only `=== true` is a yes.
 */
import { celEnv, parse, plan } from '@bufbuild/cel';
import type { JsonValue } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type HttpAccess, noHeaders } from '../access-request.ts';
import type { ValidToken } from '../match-token.ts';
import type { Reading } from '../reading.ts';
import type { Untold } from '../token.ts';

export type ConditionResult = boolean | 'error';
export type Condition = (reading: Reading) => ConditionResult;

/** @param when a text that `checkCel` let pass; another throws here or is an error for every request. */
export function planCondition(when: string): Condition {
  const planned = plan(environment, parse(when));
  return (reading) => {
    try {
      const result = planned(bindings(reading));
      return typeof result === 'boolean' ? result : 'error';
    } catch {
      return 'error'; // a variable that cannot be had, such as a header that is no text
    }
  };
}

const environment = celEnv();

/**
 * By their full names, as getters: a variable costs nothing, and can fail nobody, until it is asked for. An object with
 * getters would not do, as the evaluator reads all fields of an object at once.
 */
function bindings(reading: Reading) {
  return {
    get 'request.method'() {
      return httpOf(reading).method;
    },
    get 'request.path'() {
      return httpOf(reading).path;
    },
    get 'request.host'() {
      return hostOf(httpOf(reading));
    },
    get 'request.headers'() {
      const { headers = noHeaders } = httpOf(reading);
      return new Map(headers.names().map((name) => [name, headers.lines(name).flatMap(valuesOf)]));
    },
    'request.time': timestampFromMs(reading.nowMs),
    'source.tenant': reading.tenant,
    'source.serviceAccount': reading.serviceAccount,
    'source.principal': reading.principal,
    get 'token.valid'() {
      return bearerOf(reading) !== undefined;
    },
    get 'token.provider'() {
      return bearerOf(reading)?.provider ?? '';
    },
    get 'token.issuer'() {
      return bearerOf(reading)?.issuer ?? '';
    },
    get 'token.subject'() {
      return bearerOf(reading)?.subject ?? '';
    },
    get 'token.groups'() {
      return toldBy(bearerOf(reading), ({ groups }) => groups)?.groups ?? [];
    },
    get 'token.claims'() {
      return bound(toldBy(bearerOf(reading), () => true)?.claims ?? {});
    },
  };
}

function httpOf({ http }: Reading): NonNullable<Reading['http']> {
  if (http === undefined) throw new Error('a connection shows no request');
  return http;
}

function hostOf({ host }: HttpAccess): string {
  if (host === undefined) throw new Error('the request has no host that could be compared');
  return host;
}

/** Without a token everything of it is empty; one that is not valid says nothing at all, so that asking is an error. */
function bearerOf(reading: Reading): ValidToken | undefined {
  const token = reading.token();
  if (token.kind === 'invalid') throw new Error(`the token is not valid: ${token.why}`);
  return token.kind === 'valid' ? token : undefined;
}

/** As with a token that is not valid: of what a token does not tell, neither yes nor no can be said. */
function toldBy(token: ValidToken | undefined, lacks: (untold: Untold) => boolean): ValidToken | undefined {
  if (token?.untold !== undefined && lacks(token.untold)) throw new Error(token.untold.why);
  return token;
}

/** As a rule's `headers` count them. */
function valuesOf(line: string): string[] {
  const text = utf8.decode(Uint8Array.from(line, (char) => char.charCodeAt(0)));
  return text.split(',').map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Bound = string | boolean | number | bigint | null | readonly Bound[] | ReadonlyMap<string, Bound>;

/** JSON knows one kind of number; CEL tells integers apart, and authors write integers. */
function bound(value: JsonValue): Bound {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(bound);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([name, each]) => [name, bound(each)]));
}

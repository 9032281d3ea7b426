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
import { noHeaders } from '../access-request.ts';
import type { Reading } from '../reading.ts';
import type { TokenFacts } from '../token.ts';

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

/** Getters: a variable costs nothing until it is asked for. */
function bindings(reading: Reading) {
  return {
    get request() {
      return requestOf(reading);
    },
    get source() {
      const { tenant, serviceAccount, principal } = reading;
      return { tenant, serviceAccount, principal };
    },
    get token() {
      return tokenOf(reading.token());
    },
  };
}

function requestOf({ http, nowMs }: Reading) {
  if (http === undefined) throw new Error('a connection shows no request');
  const { method, path, host, headers = noHeaders } = http;
  return {
    method,
    path,
    // Without a host to compare a condition that asks for it is an error, not a comparison with nothing.
    ...(host === undefined ? {} : { host }),
    time: timestampFromMs(nowMs),
    get headers() {
      return new Map(headers.names().map((name) => [name, headers.lines(name).flatMap(valuesOf)]));
    },
  };
}

/** As a rule's `headers` count them. */
function valuesOf(line: string): string[] {
  const text = utf8.decode(Uint8Array.from(line, (char) => char.charCodeAt(0)));
  return text.split(',').map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Bound = string | boolean | number | bigint | null | readonly Bound[] | ReadonlyMap<string, Bound>;

/** Without a token everything of it is empty; a token that is not valid says nothing at all, so that asking is an error. */
function tokenOf(token: TokenFacts): ReadonlyMap<string, Bound> {
  switch (token.kind) {
    case 'invalid':
      throw new Error(`the token is not valid: ${token.why}`);
    case 'none':
      return new Map<string, Bound>([...absent, ['valid', false], ['groups', []], ['claims', new Map()]]);
    case 'valid':
      return new Map<string, Bound>([
        ['valid', true],
        ['provider', token.provider],
        ['issuer', token.issuer],
        ['subject', token.subject],
        ['groups', token.groups],
        ['claims', bound(token.claims)],
      ]);
  }
}

const absent = ['provider', 'issuer', 'subject'].map((name): [string, Bound] => [name, '']);

/** JSON knows one kind of number; CEL tells integers apart, and authors write integers. */
function bound(value: JsonValue): Bound {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(bound);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([name, each]) => [name, bound(each)]));
}

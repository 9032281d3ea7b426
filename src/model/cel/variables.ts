/**
 * What a `when` may speak of, and of which type each is: the schema that a condition is checked against when it is read
 * and bound to when it is judged.
 *
 * `request.headers` maps a name in lower case to all its values, in order, because a header may come more than once and a
 * map to one text would show the first or the last. Instants are timestamps, numbers of a token are integers where they
 * are whole.
 */
import { any, bool, type CelType, listOf, mapOf, record, string, timestamp } from './cel-type.ts';

export const celVariables: Readonly<Record<string, CelType>> = {
  request: record('request', {
    method: string,
    path: string,
    host: string,
    headers: mapOf(listOf(string)),
    time: timestamp,
  }),
  source: record('source', { tenant: string, serviceAccount: string, principal: string }),
  token: record('token', {
    valid: bool,
    provider: string,
    issuer: string,
    subject: string,
    groups: listOf(string),
    claims: mapOf(any),
  }),
};

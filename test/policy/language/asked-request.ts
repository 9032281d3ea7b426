/** A drawn request as the evaluator takes it. */
import type { HttpAccess } from '../../../src/policy/access-request.ts';
import { type Asked, spiffeId } from './drawn.ts';

export function requestOf(asked: Asked): HttpAccess {
  const { method, path, host, headers, token } = asked;
  return {
    ...{ kind: 'http', principal: spiffeId(asked.tenant, asked.account), method, path },
    ...(host === undefined ? {} : { host }),
    headers: {
      lines: (name) => headers.filter(([each]) => each === name).map(([, value]) => value),
      names: () => [...new Set(headers.map(([name]) => name))],
    },
    token: () => token,
  };
}

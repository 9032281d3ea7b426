/**
 * The id under which a decision is told, logged and asked about: `x-request-id`, which Envoy generates and puts on its
 * access log as `%STREAM_ID%`.
 *
 * The surprise: CheckRequest's own `http.id` is another number, which appears nowhere else; it serves only where Envoy
 * has no request id. What a client may have sent is not trusted to be an id: it is one short word, or it is passed over.
 */
import type { CheckFields } from './check-request.ts';
import { idLengthMax } from './limits.ts';

/** @returns undefined where there is no id to be had. */
export function decisionId({ id, headers }: Pick<CheckFields, 'id' | 'headers'>): string | undefined {
  return [requestIdOf(headers), id].find((candidate) => isDecisionId(candidate));
}

/** Only characters that need no escape in a header, in JSON and in a shell. */
function isDecisionId(text: string): boolean {
  return text.length <= idLengthMax && /^[A-Za-z0-9._-]+$/.test(text);
}

/** Said twice, it is nobody's id. */
function requestIdOf(headers: CheckFields['headers']): string {
  const found = headers.values('x-request-id');
  switch (found.kind) {
    case 'lines':
      return found.lines.length === 1 ? (found.lines[0] ?? '') : '';
    case 'joined':
      return found.text;
    case 'unreadable':
      return '';
  }
}

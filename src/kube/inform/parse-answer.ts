/**
 * What an API server wrote, as an answer: anything it would never write is a failure, and no empty list.
 *
 *   text of a list ──parsePage──▶ page | failed        line of a watch ──parseEvent──▶ put, gone, bookmark | failed
 */
import { isRecord } from '../../model/prune.ts';
import type { Answer, Item } from './answer.ts';
import { type Failure, failureOf } from './failure.ts';
import { isRevision } from './revision.ts';

/** What is kept of one object, parsed from an answer, of any shape; nothing of what no API server would call an object. */
export type ReadItem<T extends Item> = (raw: unknown) => T | undefined;

export function parsePage<T extends Item>(read: ReadItem<T>, text: string): Answer<T> {
  const body = parseJson(text);
  if (!isRecord(body) || !isRecord(body['metadata'])) return nonsense('what came is no list');
  const { resourceVersion, continue: continueToken = '' } = body['metadata'];
  // A list in Go that was never filled is `null`.
  const raw = body['items'] ?? [];
  if (!('items' in body) || !Array.isArray(raw) || !isRevision(resourceVersion) || typeof continueToken !== 'string') {
    return nonsense('what came is no list');
  }
  const items: T[] = [];
  for (const each of raw) {
    const item = read(each);
    if (item === undefined) return nonsense('the list holds what is no object');
    items.push(item);
  }
  return { kind: 'page', items, resourceVersion, ...(continueToken === '' ? {} : { continueToken }) };
}

export function parseEvent<T extends Item>(read: ReadItem<T>, line: string): Answer<T> {
  const event = parseJson(line);
  const object = isRecord(event) ? event['object'] : undefined;
  if (!isRecord(event) || !isRecord(object)) return nonsense('what came is no event of a watch');
  switch (event['type']) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const item = read(object);
      if (item === undefined) return nonsense('an event of the watch holds what is no object');
      return { kind: event['type'] === 'DELETED' ? 'gone' : 'put', item };
    }
    case 'BOOKMARK': {
      const resourceVersion = isRecord(object['metadata']) ? object['metadata']['resourceVersion'] : undefined;
      return isRevision(resourceVersion)
        ? { kind: 'bookmark', resourceVersion }
        : nonsense('a bookmark of the watch names no revision');
    }
    case 'ERROR':
      return { kind: 'failed', failure: statusFailure(object, 500) };
    default:
      return nonsense('what came is no event of a watch');
  }
}

/** @param text of an answer that is no success; a `Status`, if it comes from an API server. */
export function parseRefusal(status: number, text: string, retryAfterMs: number | undefined): Failure {
  const body = parseJson(text);
  return failureOf(status, isRecord(body) ? messageOf(body) : '', retryAfterMs);
}

function statusFailure(status: Record<string, unknown>, fallback: number): Failure {
  const { code } = status;
  return failureOf(typeof code === 'number' ? code : fallback, messageOf(status));
}

function messageOf({ message }: Record<string, unknown>): string {
  return typeof message === 'string' ? message : '';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nonsense(text: string): Extract<Answer<never>, { kind: 'failed' }> {
  return { kind: 'failed', failure: { kind: 'unanswered', text } };
}

/** Puts one request of a list and watch to an API server, and tells what comes, one answer after the other. */
import type { KubeAnswer, KubeClient } from '../kube-client.ts';
import type { Answer, Item, Request } from './answer.ts';
import { readLines, readText, TooLong } from './bounded-text.ts';
import type { Failure } from './failure.ts';
import { parseEvent, parsePage, parseRefusal, type ReadItem } from './parse-answer.ts';
import { collectionPath, type Place } from './resource.ts';

/** Longest page, in bytes; where objects are so large, fewer are asked for at once. */
const pageBytesMax = 32 * 1_024 * 1_024;
/** Longest event of a watch, in bytes: an object of 1.5 MiB, the most that etcd takes, every byte of which JSON escapes as six. */
const eventBytesMax = 10 * 1_024 * 1_024;
/** Longest refusal that is read, in bytes. */
const refusalBytesMax = 64 * 1_024;
/** How long an API server lets a watch stand, in s: by then a replica that came later shall have its share of them. */
const watchSeconds = 600;

/** Which objects, and what is kept of each. */
export interface Followed<T extends Item> {
  readonly place: Place;
  readonly read: ReadItem<T>;
}

/** Never throws: what goes wrong is the last answer. Ends quietly once `signal` is aborted. */
export async function* ask<T extends Item>(
  client: Pick<KubeClient, 'get'>,
  { place, read }: Followed<T>,
  request: Request,
  signal: AbortSignal,
): AsyncGenerator<Answer<T>> {
  try {
    const answer = await client.get(pathOf(place, request), signal);
    if (answer.status !== 200) yield { kind: 'failed', failure: await refusalOf(answer) };
    else if (request.kind !== 'watch') yield parsePage(read, await readText(answer.body, pageBytesMax));
    else {
      for await (const line of readLines(answer.body, eventBytesMax)) yield parseEvent(read, line);
      yield { kind: 'ended' };
    }
  } catch (error) {
    if (!signal.aborted) yield { kind: 'failed', failure: failureOfError(error) };
  }
}

function pathOf(place: Place, request: Request): string {
  const labels = Object.entries(place.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const selected = labels.length === 0 ? {} : { labelSelector: labels.join(',') };
  return `${collectionPath(place)}?${new URLSearchParams({ ...queryOf(request), ...selected })}`;
}

function queryOf(request: Request): Record<string, string> {
  switch (request.kind) {
    case 'list': {
      const { limit, continueToken } = request;
      return { limit: String(limit), ...(continueToken === undefined ? {} : { continue: continueToken }) };
    }
    case 'probe':
      return { limit: '1' };
    case 'watch': {
      const { resourceVersion } = request;
      return { watch: '1', allowWatchBookmarks: 'true', resourceVersion, timeoutSeconds: String(watchSeconds) };
    }
  }
}

async function refusalOf({ status, retryAfterMs, body }: KubeAnswer): Promise<Failure> {
  return parseRefusal(status, await readText(body, refusalBytesMax), retryAfterMs);
}

function failureOfError(error: unknown): Failure {
  if (error instanceof TooLong) return { kind: 'too-large', text: error.message };
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return { kind: 'unanswered', text: `no answer, or half of one (${code})` };
}

/** All objects of a kind, page by page: for whoever looks once, and follows nothing. */
import { readText } from './inform/bounded-text.ts';
import type { KubeClient } from './kube-client.ts';
import type { KubeObject } from './objects.ts';

/** Objects of one page; a pod takes some 10 kB. */
const pageMax = 500;
/** Longest page, in bytes. */
const pageBytesMax = 64 * 1_024 * 1_024;
/** Longest wait for one, in ms. */
const pageMaxMs = 60_000;

/**
 * @param path of the collection, such as `/api/v1/pods`. @param waitMs for one page.
 * @yields a page, or the API server's status where it gives none, which is the last word. @throws where there is no answer.
 */
export async function* listPages(
  client: Pick<KubeClient, 'get'>,
  path: string,
  signal: AbortSignal,
  waitMs: number = pageMaxMs,
): AsyncGenerator<readonly KubeObject[] | number> {
  let more = '';
  do {
    const query = new URLSearchParams({ limit: String(pageMax), ...(more === '' ? {} : { continue: more }) });
    const within = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
    const { status, body } = await client.get(`${path}?${query}`, within);
    const text = await readText(body, pageBytesMax);
    if (status !== 200) return yield status;
    const { items, metadata } = JSON.parse(text) as {
      readonly items: readonly KubeObject[];
      readonly metadata: { readonly continue?: string };
    };
    yield items;
    more = metadata.continue ?? '';
  } while (more !== '');
}

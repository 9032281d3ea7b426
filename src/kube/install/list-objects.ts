/** All objects of a kind, page by page: for a command that looks once. */
import { readText } from '../inform/bounded-text.ts';
import type { KubeClient } from '../kube-client.ts';
import type { KubeObject } from '../objects.ts';

/** Objects of one page; a pod takes some 10 kB. */
const pageMax = 500;
/** Longest page, in bytes. */
const pageBytesMax = 64 * 1_024 * 1_024;

/** @param path of the collection, such as `/api/v1/pods`. @returns the API server's status where it gives no list. */
export async function listObjects(
  client: Pick<KubeClient, 'get'>,
  path: string,
  signal: AbortSignal,
): Promise<readonly KubeObject[] | number> {
  const objects: KubeObject[] = [];
  let more = '';
  do {
    const query = new URLSearchParams({ limit: String(pageMax), ...(more === '' ? {} : { continue: more }) });
    const { status, body } = await client.get(`${path}?${query}`, signal);
    const text = await readText(body, pageBytesMax);
    if (status !== 200) return status;
    const page = JSON.parse(text) as {
      readonly items: KubeObject[];
      readonly metadata: { readonly continue?: string };
    };
    objects.push(...page.items);
    more = page.metadata.continue ?? '';
  } while (more !== '');
  return objects;
}

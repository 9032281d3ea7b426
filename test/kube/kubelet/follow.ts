/**
 * All objects of one kind, as the API server has them: listed, then watched, and listed again when the watch has ended.
 *
 * It is a reader of its own and not the one under test, so that a fault there does not hide itself here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Cluster } from '../harness/cluster.ts';
import { keyOf } from './pod-spec.ts';

export interface Followed<Item> {
  /** By `namespace/name`. */
  readonly items: ReadonlyMap<string, Item>;
  close(): Promise<void>;
}

interface Item {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

interface WatchLine<Of> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: Of;
}

/** Between a watch that ended and the next list, in ms. */
const againMs = 200;
/** Longest that one watch lasts, in s; then it is asked for again. */
const watchSeconds = 600;

/** @param path of a collection, such as `/api/v1/pods`. @param changed is called after every change, soon and once for many. */
export function follow<Of extends Item>(cluster: Cluster, path: string, changed: () => void): Followed<Of> {
  const { url, authority, adminToken } = cluster;
  const pool = new Pool(url, { connect: { ca: authority }, bodyTimeout: 0 });
  const headers = { authorization: `Bearer ${adminToken}` };
  const items = new Map<string, Of>();
  const stop = new AbortController();
  const { signal } = stop;
  let told: NodeJS.Immediate | undefined;
  const tell = () => {
    told ??= setImmediate(() => {
      told = undefined;
      changed();
    });
  };

  async function list(): Promise<string> {
    const { statusCode, body } = await pool.request({ method: 'GET', path, headers, signal });
    if (statusCode !== 200) throw new Error(`\`${path}\` was answered with ${statusCode}: ${await body.text()}`);
    const { items: listed, metadata } = (await body.json()) as { items: Of[]; metadata: { resourceVersion: string } };
    items.clear();
    for (const item of listed) items.set(keyOf(item), item);
    tell();
    return metadata.resourceVersion;
  }

  async function watch(from: string): Promise<void> {
    const query = `watch=1&resourceVersion=${from}&timeoutSeconds=${watchSeconds}`;
    const { body } = await pool.request({ method: 'GET', path: `${path}?${query}`, headers, signal });
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object }: WatchLine<Of> = JSON.parse(line);
        if (type === 'ERROR') return;
        if (type === 'DELETED') items.delete(keyOf(object));
        else items.set(keyOf(object), object);
      }
      tell();
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      // An API server that is away is what some tests are about: what was known stays, and it is asked again.
      await list()
        .then(watch)
        .catch(() => undefined);
      await sleep(againMs, undefined, { signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    items,
    async close() {
      stop.abort();
      await running;
      clearImmediate(told);
      await pool.destroy();
    },
  };
}

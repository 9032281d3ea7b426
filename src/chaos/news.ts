/**
 * What is seen of single proxies, gathered: the news of one write are one event of each kind, however many proxies.
 *
 *   news, news, news … ──gathered──▶ looked · effective · clean · expired ──▶ one fold and one line each
 *
 * A run is a value, so each event that changes one proxy copies the table of them all; one by one that is the square.
 * To put the kinds in an order is safe: between two kinds of news of one proxy lies an event that does not wait.
 */
import type { RunEvent, SeenClean } from './run-event.ts';

export type News =
  | { readonly kind: 'looked' | 'effective' | 'expired'; readonly proxy: string }
  | ({ readonly kind: 'clean' } & SeenClean);

type OfProxies = Extract<RunEvent, { readonly kind: News['kind'] }>;

/** @returns at most one event of each kind. */
export function gathered(news: readonly News[]): readonly RunEvent[] {
  const of = (kind: News['kind']) => news.filter((each) => each.kind === kind).map(({ proxy }) => proxy);
  const clean = news.flatMap((each): SeenClean[] => {
    if (each.kind !== 'clean') return [];
    const { proxy, differs } = each;
    return [differs === undefined ? { proxy } : { proxy, differs }];
  });
  const events: readonly OfProxies[] = [
    { kind: 'looked', proxies: of('looked') },
    { kind: 'effective', proxies: of('effective') },
    { kind: 'clean', proxies: clean },
    { kind: 'expired', proxies: of('expired') },
  ];
  return events.filter(({ proxies }) => proxies.length > 0);
}

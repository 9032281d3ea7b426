/** What drills must hear of proxies, whichever replica serves them. */
import { create } from '@bufbuild/protobuf';
import {
  ProxyNews_Kind as Kind,
  type ProxyNews as NewsMessage,
  ProxyNewsSchema,
} from '#gen/coffre/peers/v1/peers_pb.js';

export type ProxyNews =
  /** `opened`, `closed`: a stream of it. `lapsed`: what lay on it has run out there by itself, or may have. */
  | { readonly kind: 'opened' | 'closed' | 'lapsed'; readonly proxy: string }
  /** @see resources `<type URL>/<name>` of each that it acknowledged, or dropped. */
  | { readonly kind: 'accepted'; readonly proxy: string; readonly resources: readonly string[] }
  /** It takes no layer, or has it no more. */
  | { readonly kind: 'refused'; readonly proxy: string; readonly why: string };

const kinds = {
  opened: Kind.OPENED,
  closed: Kind.CLOSED,
  accepted: Kind.ACCEPTED,
  refused: Kind.REFUSED,
  lapsed: Kind.LAPSED,
} as const;

export function newsMessage(news: ProxyNews): NewsMessage {
  const { kind, proxy } = news;
  return create(ProxyNewsSchema, {
    ...{ kind: kinds[kind], proxy },
    ...(news.kind === 'accepted' ? { resources: [...news.resources] } : {}),
    ...(news.kind === 'refused' ? { why: news.why } : {}),
  });
}

/** @returns undefined of a kind that this version does not know. */
export function newsOf({ kind, proxy, resources, why }: NewsMessage): ProxyNews | undefined {
  switch (kind) {
    case Kind.OPENED:
      return { kind: 'opened', proxy };
    case Kind.CLOSED:
      return { kind: 'closed', proxy };
    case Kind.LAPSED:
      return { kind: 'lapsed', proxy };
    case Kind.ACCEPTED:
      return { kind: 'accepted', proxy, resources };
    case Kind.REFUSED:
      return { kind: 'refused', proxy, why };
    default:
      return undefined;
  }
}

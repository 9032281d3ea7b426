/**
 * The X.509 name constraints extension, which says what names a CA below may never give out.
 *
 *   NameConstraints ::= SEQUENCE { permittedSubtrees [0] GeneralSubtrees OPTIONAL, excludedSubtrees [1] GeneralSubtrees OPTIONAL }
 *
 * The library we issue with has no such extension, so its few bytes are written here.
 * The surprise: a URI constraint speaks of the host only. It binds an intermediate to the trust domain, never to one
 * tenant's path: the tenant wall is the anchor plus the prefix in the filter chain, and this is the second lock.
 * Source: RFC 5280, section 4.2.1.10; an empty DNS or email base covers every name of that form.
 */

/** Object identifier of the extension. */
export const nameConstraintsOid = '2.5.29.30';

export type NameSubtree =
  | { readonly kind: 'dns'; readonly base: string }
  | { readonly kind: 'email'; readonly base: string }
  /** Host of a URI, without port. */
  | { readonly kind: 'uri'; readonly host: string }
  /** Every address of one family. */
  | { readonly kind: 'every-ip'; readonly family: 4 | 6 };

export interface NameConstraints {
  readonly permitted: readonly NameSubtree[];
  readonly excluded: readonly NameSubtree[];
}

export function encodeNameConstraints({ permitted, excluded }: NameConstraints): Uint8Array {
  return tagged(sequenceTag, [...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded)]);
}

const sequenceTag = 0x30;

/** Context tags of GeneralName: rfc822Name [1], dNSName [2], uniformResourceIdentifier [6], iPAddress [7]. */
const nameTags = { email: 0x81, dns: 0x82, uri: 0x86, 'every-ip': 0x87 } as const;

function subtrees(tag: number, list: readonly NameSubtree[]): Uint8Array {
  if (list.length === 0) return new Uint8Array();
  return tagged(
    tag,
    list.flatMap((subtree) => [...tagged(sequenceTag, [...tagged(nameTags[subtree.kind], baseOf(subtree))])]),
  );
}

function baseOf(subtree: NameSubtree): Iterable<number> {
  switch (subtree.kind) {
    case 'dns':
    case 'email':
      return new TextEncoder().encode(subtree.base);
    case 'uri':
      return new TextEncoder().encode(subtree.host);
    case 'every-ip':
      return new Uint8Array(subtree.family === 4 ? 2 * 4 : 2 * 16); // address and mask, all zero
  }
}

function tagged(tag: number, content: Iterable<number>): Uint8Array {
  const bytes = [...content];
  return Uint8Array.from([tag, ...derLength(bytes.length), ...bytes]);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

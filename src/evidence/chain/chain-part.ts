/** A chain as it is read, from a file or an export: by position, each head right behind the record it signs. */

import type { SignedHead } from '../store.ts';
import type { ChainRecord } from './chain.ts';

export type ChainPart =
  | { readonly kind: 'record'; readonly record: ChainRecord }
  | { readonly kind: 'head'; readonly head: SignedHead };

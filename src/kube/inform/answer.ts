/** What is said between the machine of a list and watch, an API server, and whoever holds the objects. */
import type { Failure } from './failure.ts';

/** What the protocol knows of an object. */
export interface Item {
  readonly key: string;
  readonly resourceVersion: string;
}

/** What an API server said. */
export type Answer<T extends Item> =
  | {
      readonly kind: 'page';
      readonly items: readonly T[];
      readonly resourceVersion: string;
      /** Absent on the last page. */
      readonly continueToken?: string;
    }
  | { readonly kind: 'put'; readonly item: T }
  | { readonly kind: 'gone'; readonly item: T }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** To be asked at once, instead of whatever is being asked. */
export type Request =
  | { readonly kind: 'list'; readonly limit: number; readonly continueToken?: string }
  | { readonly kind: 'probe' }
  | { readonly kind: 'watch'; readonly resourceVersion: string };

/** What becomes of the objects that are held. */
export type Change<T extends Item> =
  | { readonly kind: 'replace'; readonly items: readonly T[] }
  | { readonly kind: 'put'; readonly item: T }
  | { readonly kind: 'remove'; readonly key: string };

/**
 * What an API server asks before it writes something, and what it is answered: the same for every judge in this room.
 *
 *   AdmissionReview ──read──▶ AdmissionRequest ──judge, pure──▶ Verdict ──written──▶ AdmissionReview
 */
import type { Problem } from '../model/problem.ts';
import type { PatchOperation } from './json-patch.ts';

/** The `request` of an AdmissionReview (admission.k8s.io/v1), as far as it is read. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly kind: { readonly kind: string };
  readonly namespace?: string;
  /** Absent where the API server makes it up, and where a whole collection is deleted. */
  readonly name?: string;
  readonly subResource?: string;
  readonly userInfo: { readonly username: string };
  readonly object?: unknown;
  readonly oldObject?: unknown;
}

export type Verdict =
  /** As a JSON patch, empty where nothing is to change. */
  | {
      readonly kind: 'allowed';
      readonly patch: readonly PatchOperation[];
      /** Told to whoever writes it. */
      readonly warnings?: readonly Problem[];
    }
  /** At least one. */
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

export const unchanged: Verdict = { kind: 'allowed', patch: [] };

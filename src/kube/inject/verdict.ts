/** What a webhook is asked about a pod, and what it answers. */
import type { Problem } from '../../model/problem.ts';
import type { PatchOperation } from './json-patch.ts';
import type { InjectSettings } from './settings.ts';

/** The `request` of an AdmissionReview (admission.k8s.io/v1), as far as it is read. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly namespace?: string;
  readonly name?: string;
  readonly subResource?: string;
  readonly userInfo: { readonly username: string };
  readonly object?: unknown;
  readonly oldObject?: unknown;
}

/** What the world is, as far as a pod's verdict hangs on it. */
export interface AdmissionContext {
  readonly settings: InjectSettings;
  /** Whose the namespace is; undefined where it is nobody's, and then nothing is injected or refused. */
  readonly tenantOf: (namespace: string) => string | undefined;
  /** Keys of labels by which services and policies of the namespace choose their pods. */
  readonly selectingLabels: (namespace: string) => ReadonlySet<string>;
  /** Drawn for this very request, of `sidecarUsers`. */
  readonly sidecarUser: number;
}

export type Verdict =
  /** As a JSON patch, empty where nothing is to change. */
  | { readonly kind: 'allowed'; readonly patch: readonly PatchOperation[] }
  /** At least one. */
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

export const unchanged: Verdict = { kind: 'allowed', patch: [] };

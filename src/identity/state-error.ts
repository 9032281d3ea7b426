/**
 * Why the state of the certificate authority, a folder or Secrets of a cluster, cannot be used. Always loud: a root that is silently made anew cuts
 * every workload of the mesh off, so whatever is missing or damaged stops the start and says what to restore.
 */
export type StateErrorCode =
  | 'permissions'
  | 'seal-key-missing'
  | 'seal-key-malformed'
  | 'damaged'
  | 'record-missing'
  | 'root-expired'
  | 'trust-domain-changed'
  | 'unreadable';

export class StateError extends Error {
  readonly code: StateErrorCode;

  /** @param path what cannot be used, a file or a Secret; @param sentence why, and what to do next. Neither may carry a secret. */
  constructor(code: StateErrorCode, path: string, sentence: string, options?: ErrorOptions) {
    super(`state \`${path}\`: ${sentence}`, options);
    this.name = 'StateError';
    this.code = code;
  }
}

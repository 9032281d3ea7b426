/** One breach of a house rule: where, which rule, and what to do. */
export interface Finding {
  /** `file:line`, or the file where the whole of it is meant. */
  readonly where: string;
  readonly rule: string;
  readonly cure: string;
}

/** A file of the repository as the checkers see it. */
export interface TidyFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export function formatFinding({ where, rule, cure }: Finding): string {
  return `${where}: ${rule}; ${cure}`;
}

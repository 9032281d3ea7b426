/**
 * Where an author wrote something, so that every problem and every decision can point at a line.
 * In a folder `file` is the path relative to it; in a cluster it is `kind/namespace/name` and the line is 1.
 */
export interface SourceRef {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

export function formatSourceRef(where: SourceRef): string {
  return `${where.file}:${where.line}`;
}

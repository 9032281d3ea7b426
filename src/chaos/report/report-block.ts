/** What a report is made of, in the order in which it is read; each form shows the same blocks in its own way. */
import type { Graph } from './report-graphs.ts';
import type { Rich } from './rich-text.ts';

export type ReportBlock =
  | { readonly kind: 'title' | 'heading' | 'paragraph'; readonly text: Rich }
  | { readonly kind: 'bullets'; readonly items: readonly Rich[] }
  | {
      readonly kind: 'table';
      /** For those who do not see it. */
      readonly caption: string;
      readonly head: readonly string[];
      readonly rows: readonly (readonly Rich[])[];
      /** What is not in it; absent where all is. */
      readonly rest?: Rich;
    }
  /** A form that has no graphs leaves it out: the tables say the same. */
  | { readonly kind: 'graphs'; readonly text: Rich; readonly graphs: readonly Graph[] };

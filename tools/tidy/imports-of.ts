/**
 * Every import of a TypeScript text: static, re-export, bare and dynamic, with its line.
 *
 * Found in the blanked code, where no comment or string can look like an import, and read from the text at the same
 * offset. A dynamic import of something that is not a literal is reported with an empty specifier.
 */
import { codeOf, lineAt } from './code-of.ts';

export interface Import {
  readonly specifier: string;
  /** Names in the braces as the module exports them; empty for every other form. */
  readonly names: readonly string[];
  /** Erased by type stripping: it couples, and runs nothing. */
  readonly typeOnly: boolean;
  /** 1-based. */
  readonly line: number;
}

const statement = /^[ \t]*(?:import|export)\b(?!\s*\()(?<clause>[^;'"`=()]*?)(?<quote>['"])/gm;
const dynamic = /\bimport\s*\(\s*(?<quote>['"`])?/g;

export function importsOf(text: string): Import[] {
  const code = codeOf(text);
  const statics = [...code.matchAll(statement)]
    .filter(({ groups }) => groups?.['clause']?.trim() === '' || /\bfrom\s*$/.test(groups?.['clause'] ?? ''))
    .map((match) => ({
      specifier: literalAt(text, code, match.index + match[0].length - 1),
      names: namesIn(match.groups?.['clause'] ?? ''),
      typeOnly: /^\s*type\b(?!\s+from\b)/.test(match.groups?.['clause'] ?? ''),
      line: lineAt(text, match.index + match[0].search(/\S/)),
    }));
  const dynamics = [...code.matchAll(dynamic)].map((match) => ({
    specifier: match.groups?.['quote'] === undefined ? '' : literalAt(text, code, match.index + match[0].length - 1),
    names: [],
    typeOnly: false,
    line: lineAt(text, match.index),
  }));
  return [...statics, ...dynamics].sort((a, b) => a.line - b.line);
}

/** A default or a namespace import beside the braces takes the whole module, so there are then no names to judge by. */
function namesIn(clause: string): string[] {
  const inside = /^\s*(?:type\s)?\s*\{(?<names>[^}]*)\}\s*from\s*$/.exec(clause)?.groups?.['names'] ?? '';
  const names = inside.split(',').map((name) => name.trim().replace(/\s+as\s.*$/, ''));
  return names.filter((name) => name !== '');
}

/** The text between the quote at `open` and the next quote that the blanked code shows. */
function literalAt(text: string, code: string, open: number): string {
  return text.slice(open + 1, code.indexOf(code.charAt(open), open + 1));
}

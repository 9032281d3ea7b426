/**
 * Pure rooms have no effects at all; in mixed rooms a file with effects says so by its name, `*.io.ts`.
 *
 * An effect is a module that has them, or a use of clock, timer, randomness, process or network. A type-only import
 * is none: it is erased. A default value such as `now = Date.now` is one, since it hides the clock from the caller.
 */
import { codeOf, lineAt } from './code-of.ts';
import type { Finding, TidyFile } from './finding.ts';
import { type Import, importsOf } from './imports-of.ts';

export interface PurityRules {
  readonly pureRooms: readonly string[];
  readonly mixedRooms: readonly string[];
  /** Modules with effects; `node:timers` covers `node:timers/promises`. */
  readonly effectfulModules: readonly string[];
  /** What of an effectful module is a plain function after all, such as `isIP` of `node:net`. */
  readonly harmlessNames: Readonly<Record<string, readonly string[]>>;
  readonly effectfulUses: readonly { readonly name: string; readonly pattern: RegExp }[];
}

export function purityFindings(file: TidyFile, rules: PurityRules): Finding[] {
  const room = /^src\/([^/]+)\//.exec(file.path)?.[1] ?? '';
  const pure = rules.pureRooms.includes(room);
  const mixed = rules.mixedRooms.includes(room);
  if (pure && file.path.endsWith('.io.ts')) {
    return [
      {
        where: file.path,
        rule: `\`${room}\` is pure, so it holds no .io.ts file`,
        cure: 'move the effect to a mixed room',
      },
    ];
  }
  if (!pure && !(mixed && !file.path.endsWith('.io.ts'))) return [];
  const cure = pure
    ? 'take the value as a parameter, and let the caller have the effect'
    : 'take it through a port, or move it to a file that ends in .io.ts';

  const modules = importsOf(file.text)
    .filter((statement) => rules.effectfulModules.some((module) => hasEffects(statement, module, rules.harmlessNames)))
    .map(({ specifier, line }) => ({ line, what: `imports \`${specifier}\`` }));
  const code = codeOf(file.text);
  const uses = rules.effectfulUses.flatMap(({ name, pattern }) =>
    [...code.matchAll(pattern)].map(({ index }) => ({ line: lineAt(code, index), what: `uses \`${name}\`` })),
  );
  return [...modules, ...uses].map(({ line, what }) => ({
    where: `${file.path}:${line}`,
    rule: `a pure file ${what}, which has effects`,
    cure,
  }));
}

function hasEffects(
  { specifier, names, typeOnly }: Import,
  module: string,
  harmless: PurityRules['harmlessNames'],
): boolean {
  if (typeOnly || !isOf(specifier, module)) return false;
  return names.length === 0 || !names.every((name) => name.startsWith('type ') || harmless[module]?.includes(name));
}

/** `fs`, `node:fs` and `node:fs/promises` are all of `node:fs`. */
function isOf(specifier: string, module: string): boolean {
  const names = module.startsWith('node:') ? [module, module.slice('node:'.length)] : [module];
  return names.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

/**
 * Who may import whom. A room is a folder of src/, or a file that lies directly in it; `gen` is the generated code.
 * The table itself is a page of the house rules: it lies in test/tidy.test.ts.
 */
import { posix } from 'node:path';
import type { Finding, TidyFile } from './finding.ts';
import { importsOf } from './imports-of.ts';

export type RoomTable = Readonly<Record<string, readonly string[] | 'everything'>>;

export function roomFindings(file: TidyFile, table: RoomTable): Finding[] {
  const room = roomOf(file.path);
  if (room === undefined) return [];
  const allowed = table[room];
  if (allowed === undefined) {
    return [
      {
        where: file.path,
        rule: `the room \`${room}\` is not in the table of rooms`,
        cure: 'add it there, with what it may import',
      },
    ];
  }
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const where = `${file.path}:${line}`;
    const target = targetOf(file.path, specifier);
    if (target === undefined) return [];
    const targetRoom = roomOf(target);
    if (targetRoom === undefined) {
      return [
        {
          where,
          rule: `src imports \`${target}\`, which lies outside it`,
          cure: 'move what is needed into a room of src',
        },
      ];
    }
    if (targetRoom === room || allowed === 'everything' || allowed.includes(targetRoom)) return [];
    const may = allowed.length === 0 ? 'nothing of ours' : allowed.join(', ');
    return [
      {
        where,
        rule: `\`${room}\` may import ${may}, and imports \`${targetRoom}\` (${specifier})`,
        cure: `declare a port (an interface) in \`${room}\` and let a composition root join the two, or move the noun to \`model\``,
      },
    ];
  });
}

/** The repository path of what is imported; nothing for packages and Node's own modules. */
function targetOf(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#gen/')) return specifier.slice(1);
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined;
}

function roomOf(path: string): string | undefined {
  const [top, second, third] = path.split('/');
  if (top === 'gen') return 'gen';
  if (top !== 'src' || second === undefined) return undefined;
  return third === undefined ? second.replace(/\.ts$/, '') : second;
}

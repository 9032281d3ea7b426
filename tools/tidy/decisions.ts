/** Decisions are numbered 0001, 0002 … without a gap or a double, and their titles are in the file name. */
import type { Finding } from './finding.ts';

/** @param names file names of docs/decisions, in any order */
export function decisionFindings(names: readonly string[]): Finding[] {
  const sorted = names.filter((name) => name !== 'README.md').toSorted();
  const misnamed = sorted
    .filter((name) => !/^\d{4}-[a-z0-9-]+\.md$/.test(name))
    .map((name) => ({
      where: `docs/decisions/${name}`,
      rule: 'the name is not NNNN-title-in-small-letters.md',
      cure: 'rename it',
    }));
  if (misnamed.length > 0) return misnamed;
  return sorted.flatMap((name, index) => {
    const expected = String(index + 1).padStart(4, '0');
    if (name.startsWith(expected)) return [];
    return [
      {
        where: `docs/decisions/${name}`,
        rule: `number ${expected} is expected here`,
        cure: 'number without gaps or doubles',
      },
    ];
  });
}

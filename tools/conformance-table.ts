/** Results of the conformance suite as text: a row per case, a column per server, and what differs. */

export interface Result {
  readonly case: string;
  readonly sentence: string;
  readonly variant: string;
  readonly protocol: string;
  readonly type: string;
  readonly verdict: 'pass' | 'fail' | 'not tried';
  readonly note: string;
}

export interface Column {
  readonly name: string;
  readonly results: readonly Result[];
}

/** @param text one JSON object a line. */
export function parseResults(text: string): readonly Result[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Markdown: for each case and server, how many of its variants pass. */
export function table(columns: readonly Column[]): string {
  const cases = [...new Set(columns.flatMap(({ results }) => results.map((result) => result.case)))].sort(byName);
  return [
    row(['case', ...columns.map(({ name }) => name)]),
    row(['---', ...columns.map(() => '---')]),
    ...cases.map((id) => row([id, ...columns.map(({ results }) => cell(results.filter((each) => each.case === id)))])),
    row(['all', ...columns.map(({ results }) => cell(results))]),
  ].join('\n');
}

/** Cases of the catalogue by number, and what the protocol leaves open behind them. */
function byName(a: string, b: string): number {
  const rank = (id: string) => (id.startsWith('XDS-') ? `0${id}` : `1${id}`);
  return rank(a).localeCompare(rank(b));
}

function cell(results: readonly Result[]): string {
  const count = (verdict: Result['verdict']) => results.filter((each) => each.verdict === verdict).length;
  const [pass, untried] = [count('pass'), count('not tried')];
  const tried = results.length - untried;
  const tail = untried === 0 ? '' : `${untried} not tried`;
  return tried === 0 ? tail : [`${pass}/${tried}`, tail].filter((part) => part !== '').join(', ');
}

/** Markdown: each sentence that does not hold of every server, with the servers and variants where it does not. */
export function differences(columns: readonly Column[]): string {
  const lines = columns.flatMap(({ name, results }) => [
    '',
    `## ${name}`,
    ...[...grouped(results.filter(({ verdict }) => verdict !== 'pass'))].map(
      ([heading, group]) => `- ${heading}\n  ${group.map(variantOf).join(', ')}: ${notesOf(group)}`,
    ),
  ]);
  return lines.join('\n');
}

function grouped(results: readonly Result[]): ReadonlyMap<string, readonly Result[]> {
  return Map.groupBy(results, (result) => `${result.case} ${result.verdict}: ${result.sentence}`);
}

function variantOf({ protocol, type }: Result): string {
  return [protocol, type].filter((part) => part !== '').join(' ');
}

function notesOf(group: readonly Result[]): string {
  return [...new Set(group.map(({ note }) => note))].join(' | ');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

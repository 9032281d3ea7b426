/** What can be wrong with a chain, where, and in words that somebody who was not there can act on. */

export type ChainFinding =
  /** Something in these records is not what was signed; `from` and `to` are equal where it can be told exactly. */
  | { readonly kind: 'altered'; readonly from: number; readonly to: number }
  | { readonly kind: 'dropped'; readonly from: number; readonly to: number }
  /** The record that stands here belongs elsewhere; without `belongsAt`, it only comes later than it should. */
  | { readonly kind: 'reordered'; readonly position: number; readonly belongsAt?: number }
  /** Records end before a head that was signed or witnessed. */
  | { readonly kind: 'truncated'; readonly last: number; readonly expected: number }
  /** Another history than the one that was witnessed. */
  | { readonly kind: 'diverged'; readonly position: number }
  /** The witnessed position is older than what the chain still holds. */
  | { readonly kind: 'out-of-reach'; readonly position: number; readonly base: number }
  | { readonly kind: 'wrong-replica'; readonly expected: string; readonly found: string }
  | { readonly kind: 'unsigned-tail'; readonly from: number; readonly to: number }
  | { readonly kind: 'bad-signature'; readonly position: number }
  | { readonly kind: 'pruned-without-cover'; readonly position: number; readonly class: string }
  /** Of a store's file: the chain is as told, and what is searched by does not agree with it. */
  | { readonly kind: 'index'; readonly message: string }
  | { readonly kind: 'unreadable'; readonly message: string };

export function findingText(finding: ChainFinding): string {
  switch (finding.kind) {
    case 'altered':
      return `${recordsText(finding)} not what was signed: altered`;
    case 'dropped':
      return `${recordsText(finding)} missing: dropped`;
    case 'reordered':
      return finding.belongsAt === undefined
        ? `record ${finding.position} comes behind later ones: reordered`
        : `at position ${finding.position} stands the record of position ${finding.belongsAt}: reordered`;
    case 'truncated':
      return `the records end at position ${finding.last}, and a head at position ${finding.expected} was signed: truncated`;
    case 'diverged':
      return `position ${finding.position} is not the one that was witnessed: this is another history`;
    case 'out-of-reach':
      return `position ${finding.position} was witnessed, and the chain begins behind ${finding.base}: nothing can be said of it`;
    case 'wrong-replica':
      return `this is the chain of replica \`${finding.found}\`, and one of \`${finding.expected}\` was expected`;
    case 'unsigned-tail':
      return `${recordsText(finding)} under no valid signature: added by another hand, or their head was removed`;
    case 'bad-signature':
      return `the head at position ${finding.position} does not carry this key's signature`;
    case 'pruned-without-cover':
      return `the body of record ${finding.position} is gone, and no later record says that class \`${finding.class}\` was pruned so far`;
    case 'index':
      return `an index of the file does not agree with its records (${finding.message}): a query may miss events, until the store is opened and makes it anew`;
    case 'unreadable':
      return finding.message;
  }
}

function recordsText({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `record ${from} is` : `records ${from} to ${to} are`;
}

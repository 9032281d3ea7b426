/**
 * HPACK's Huffman code, read four bits at a time.
 *
 *   lengths of the codes ──canonical──▶ codes ──▶ tree ──▶ one row of 16 steps for each inner node
 *
 * The code is canonical (RFC 7541, Appendix B), so that its lengths are the whole of it: of two codes of one length the smaller
 * symbol has the smaller code, and a longer code goes on where the shorter ones end. The shortest has five bits, so four of them
 * never end two symbols.
 */

/** In bits, by symbol. Source: RFC 7541, Appendix B. */
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26,
];

/** Its code may begin the padding and must never come whole. */
const endOfString = 256;
const endOfStringLength = 30;
/** Padding is shorter than a byte. Source: RFC 7541, section 5.2. */
const paddingBitsMax = 7;

/** What four bits lead to: a node in the low bits, and perhaps a symbol. */
const nodeMask = 0xff;
const emits = 0x1_0000;
const symbolShift = 8;
const impossible = -1;

interface Node {
  readonly number: number;
  /** Bits that lead here; whether a text may end so. */
  readonly depth: number;
  readonly allOnes: boolean;
  readonly next: (Node | number | undefined)[];
}

const { root, nodes } = treeOf(codeLengths);
const steps = Int32Array.from(nodes.flatMap((node) => Array.from({ length: 16 }, (_, nibble) => stepOf(node, nibble))));
const mayEnd = nodes.map(({ depth, allOnes }) => allOnes && depth <= paddingBitsMax);

/** @returns one character a byte; undefined where it is no such text. */
export function huffmanText(bytes: Buffer, start: number, end: number): string | undefined {
  let text = '';
  let node = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    for (const nibble of [byte >> 4, byte & 0xf]) {
      const step = steps[node * 16 + nibble] ?? impossible;
      if (step === impossible) return undefined;
      if (step >= emits) text += String.fromCharCode((step >> symbolShift) & 0xff);
      node = step & nodeMask;
    }
  }
  return mayEnd[node] ? text : undefined;
}

function treeOf(lengths: readonly number[]): { readonly root: Node; readonly nodes: readonly Node[] } {
  const made: Node[] = [];
  const grow = (depth: number, allOnes: boolean): Node => {
    const node: Node = { number: made.length, depth, allOnes, next: [undefined, undefined] };
    made.push(node);
    return node;
  };
  const root = grow(0, true);
  const symbols = [...lengths, endOfStringLength]
    .map((length, symbol) => ({ length, symbol }))
    .sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let [code, lengthBefore] = [0, 0];
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - lengthBefore);
    lengthBefore = length;
    let node = root;
    for (let bit = length - 1; bit > 0; bit--) {
      const side = (code >> bit) & 1;
      const found = node.next[side];
      const next = typeof found === 'object' ? found : grow(node.depth + 1, node.allOnes && side === 1);
      node.next[side] = next;
      node = next;
    }
    node.next[code & 1] = symbol;
    code += 1;
  }
  return { root, nodes: made };
}

function stepOf(from: Node, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = node.next[(nibble >> bit) & 1];
    if (next === undefined || next === endOfString) return impossible;
    if (typeof next === 'number') emitted = emits | (next << symbolShift);
    node = typeof next === 'number' ? root : next;
  }
  return emitted | node.number;
}

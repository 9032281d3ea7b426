/** Text out of a body of bytes, whole or line by line, within a bound. */

/** More bytes came than are read. */
export class TooLong extends Error {}

/** @param bytesMax of all. @throws TooLong; and the body's own error where it is cut. */
export async function readText(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new TooLong(`there are more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const lineEnd = 0x0a;

/**
 * Empty lines are left out, and so is what stands behind the last line end: half an event is none.
 * @param bytesMax of one line. @throws TooLong; and the body's own error where it is cut.
 */
export async function* readLines(body: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string> {
  let begun: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(lineEnd); end >= 0; end = chunk.indexOf(lineEnd, start)) {
      const line = Buffer.concat([...begun, chunk.subarray(start, end)]);
      start = end + 1;
      begun = [];
      bytes = 0;
      if (line.length > bytesMax) throw new TooLong(`a line has more than ${bytesMax} bytes`);
      if (line.length > 0) yield line.toString('utf8');
    }
    bytes += chunk.length - start;
    if (bytes > bytesMax) throw new TooLong(`a line has more than ${bytesMax} bytes`);
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
}

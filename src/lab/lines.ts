/** Splits a stream of bytes into lines, and gives up on one that never ends. */
import { StringDecoder } from 'node:string_decoder';

export type LineFeed = (chunk: Buffer) => void;

/**
 * @param bytesMax longest line, in UTF-16 units of decoded text.
 * @param onTooLong called once, after which nothing is reported any more.
 */
export function lineFeed(bytesMax: number, onLine: (line: string) => void, onTooLong: () => void): LineFeed {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let ended = false;
  return (chunk) => {
    if (ended) return;
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length > bytesMax) {
      ended = true;
      rest = '';
      onTooLong();
    }
  };
}

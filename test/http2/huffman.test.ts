import { expect, test } from 'vitest';
import { huffmanText } from '../../src/http2/huffman.ts';

function read(hex: string): string | undefined {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return huffmanText(bytes, 0, bytes.length);
}

/** Source: RFC 7541, Appendices C.4 and C.6. */
const examples = {
  'f1e3 c2e5 f23a 6ba0 ab90 f4ff': 'www.example.com',
  'a8eb 1064 9cbf': 'no-cache',
  '25a8 49e9 5ba9 7d7f': 'custom-key',
  '25a8 49e9 5bb8 e8b4 bf': 'custom-value',
  'd07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff': 'Mon, 21 Oct 2013 20:13:21 GMT',
  '94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07':
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
};
test.each(Object.entries(examples))('%s is read', (hex, text) => expect(read(hex)).toBe(text));

test('nothing is a text', () => expect(read('')).toBe(''));

/** Source: RFC 7541, section 5.2. */
const refused = {
  'a whole byte of padding': 'f1e3 c2e5 f23a 6ba0 ab90 f4ff ff',
  'padding that is not all ones': 'a8eb 1064 9cbe',
  'the end of a string inside it': 'ffff ffff',
  'a symbol cut in two': 'fe',
};
test.each(Object.entries(refused))('%s is refused', (_, hex) => expect(read(hex)).toBeUndefined());

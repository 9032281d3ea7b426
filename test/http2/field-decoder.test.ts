import { expect, test } from 'vitest';
import { fieldBlock } from '../../src/http2/field-block.ts';
import { FieldDecoder } from '../../src/http2/field-decoder.ts';

const bounds = { fieldsMax: 64, bytesMax: 16_384 };

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

/** Each block, as `name: value` lines or what else it is. */
function decoded(blocks: readonly Buffer[]): readonly (string | readonly string[])[] {
  const decoder = new FieldDecoder(bounds);
  return blocks.map((block) => {
    const result = decoder.decode(block);
    return result.kind === 'fields' ? result.fields.map(({ name, value }) => `${name}: ${value}`) : result.kind;
  });
}

const get = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const getSafely = [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com'];
const requests = [get, [...get, 'cache-control: no-cache'], [...getSafely, 'custom-key: custom-value']];

test('requests are read as RFC 7541 has them in Appendix C.3', () => {
  const blocks = [
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '8286 84be 5808 6e6f 2d63 6163 6865',
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
  ];
  expect(decoded(blocks.map(bytes))).toEqual(requests);
});

test('requests in Huffman code are read as RFC 7541 has them in Appendix C.4', () => {
  const blocks = [
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    '8286 84be 5886 a8eb 1064 9cbf',
    '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
  ];
  expect(decoded(blocks.map(bytes))).toEqual(requests);
});

test('what does not fit into the table leaves it, as RFC 7541 has it in Appendix C.5', () => {
  const first = [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ];
  const blocks = [
    // The size of 256 of the appendix is said at the head of the first block.
    '3fe1 01 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '4803 3330 37c1 c0bf',
    '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970',
    // There are four of that size: the fifth is none.
    'c2',
  ];
  expect(decoded(blocks.map(bytes)).slice(0, 2)).toEqual([
    first,
    [
      ':status: 307',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ],
  ]);
  expect(decoded(blocks.map(bytes))[2]).toContain('date: Mon, 21 Oct 2013 20:13:22 GMT');
  expect(decoded(blocks.map(bytes))[3]).toBe('broken');
});

test('a field larger than the table empties it', () => {
  const large = Buffer.concat([bytes('400161 7f e11f'), Buffer.alloc(4_192, 'x')]);
  const [inserted, found, , missing] = decoded([bytes('400161 0162'), bytes('be'), large, bytes('be')]);
  expect(inserted).toEqual(['a: b']);
  expect(found).toEqual(['a: b']);
  expect(missing).toBe('broken');
});

const broken = {
  'index 0': '80',
  'an index beyond the table': 'be',
  'an integer without an end': 'ff ffff ffff ffff ffff',
  'an integer that ends too early': 'ff',
  'a text longer than the block': '00 0161 05 62',
  'a name without a value': '00 0161',
  'a Huffman text that is none': '00 0161 81 00',
  'a table larger than ours': '3fe2 1f',
  'a table size behind a field': '82 20',
};
test.each(Object.entries(broken))('%s breaks the connection', (_, hex) => {
  expect(decoded([bytes(hex)])).toEqual(['broken']);
});

const malformed = {
  'a name in upper case': '00 0141 0162',
  'a name without letters': '00 00 0162',
  'a name with a blank': '00 026120 0162',
  'a value with a line feed': '00 0161 02620a',
  'a value with a NUL': '00 0161 0100',
  'a value that begins with a blank': '00 0161 022062',
};
test.each(Object.entries(malformed))('%s is malformed, also when it comes back out of the table', (_, hex) => {
  const inserting = bytes(hex);
  inserting[0] = 0x40;
  expect(decoded([bytes(hex), inserting, bytes('be')])).toEqual(['malformed', 'malformed', 'malformed']);
});

test('a block of fields that repeat the largest one of the table is too large, and is not kept', () => {
  const inserted = Buffer.concat([bytes('400161 7f811e'), Buffer.alloc(3_968, 'x')]);
  const [, bomb, after] = decoded([inserted, Buffer.alloc(16_000, 0xbe), bytes('be')]);
  expect(bomb).toBe('oversized');
  expect(after).toHaveLength(1);
});

test('more fields than the bound are too many', () => {
  const of = (count: number) => decoded([Buffer.alloc(count, 0x82)])[0];
  expect(of(bounds.fieldsMax)).toHaveLength(bounds.fieldsMax);
  expect(of(bounds.fieldsMax + 1)).toBe('oversized');
});

test('what a server of ours writes is read back, whatever its length', () => {
  for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 5_000]) {
    const value = 'x'.repeat(length);
    const written = fieldBlock([
      [':status', '200'],
      ['grpc-message', value],
    ]);
    expect(decoded([written])).toEqual([[':status: 200', `grpc-message: ${value}`]]);
  }
});

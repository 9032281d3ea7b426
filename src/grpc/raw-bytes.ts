/** The identity serializer: messages stay the bytes they are, for who encodes once and sends to many. */
export function rawBytes(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

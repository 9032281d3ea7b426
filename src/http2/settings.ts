/** What each side tells of itself. Source: RFC 9113, section 6.5. */
import { type ErrorCode, errorCode } from './error-code.ts';
import { framePayloadBytesMax, word31Max } from './frame.ts';

export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

const entryBytes = 6;
const frameSizeMax = 2 ** 24 - 1;

export type ClientSettings =
  | {
      readonly kind: 'settings';
      /** The client has said how large its header table is. */
      readonly setsTable: boolean;
      /** Of each stream, where it was said. */
      readonly windowBytes?: number;
    }
  | { readonly kind: 'wrong'; readonly code: ErrorCode };

/** Whoever says something twice is taken at the last word. What we do not use is checked all the same. */
export function readSettings(payload: Buffer): ClientSettings {
  if (payload.length % entryBytes !== 0) return { kind: 'wrong', code: errorCode.frameSize };
  let setsTable = false;
  let windowBytes: number | undefined;
  for (let at = 0; at < payload.length; at += entryBytes) {
    const [id, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
    const wrong = wrongValue(id, value);
    if (wrong !== undefined) return { kind: 'wrong', code: wrong };
    if (id === setting.headerTableSize) setsTable = true;
    if (id === setting.initialWindowSize) windowBytes = value;
  }
  return { kind: 'settings', setsTable, ...(windowBytes === undefined ? {} : { windowBytes }) };
}

function wrongValue(id: number, value: number): ErrorCode | undefined {
  switch (id) {
    case setting.enablePush:
      return value > 1 ? errorCode.protocol : undefined;
    case setting.initialWindowSize:
      return value > word31Max ? errorCode.flowControl : undefined;
    case setting.maxFrameSize:
      return value < framePayloadBytesMax || value > frameSizeMax ? errorCode.protocol : undefined;
    default:
      return undefined;
  }
}

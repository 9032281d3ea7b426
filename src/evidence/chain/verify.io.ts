/**
 * Verifies a store's file or an export, offline, with the public key alone; a store may be written meanwhile.
 *
 * What is wrong is a finding of the report, down to a file that is neither. An answer without findings means: every
 * record that is here is what that key signed, in that order, and none between them is missing. That none is missing
 * *behind* them only a witness can say, by `expectHead`.
 */

import type { KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { openReadOnly, originOf, partsOf } from '../sqlite/sqlite-source.io.ts';
import { ChainCheck, type ChainOrigin, type ChainReport } from './chain-check.ts';
import type { ChainPart } from './chain-part.ts';
import { headerOf, partOf } from './export-line.ts';
import { type ExpectedHead, fingerprintOf, publicKeyOf } from './head.ts';
import { bodyBytesMax } from './record-draft.ts';

export interface VerifyOptions {
  readonly publicKeyPem: string;
  readonly expectHead?: ExpectedHead;
}

const databaseMagic = Buffer.from('SQLite format 3\0');

/** Longest line of an export, in characters: a body in JSON, each of its characters written in six. */
const lineLengthMax = 7 * bodyBytesMax;

/** @throws where the public key is none. */
export async function verifyFile(path: string, { publicKeyPem, expectHead }: VerifyOptions): Promise<ChainReport> {
  const publicKey = publicKeyOf(publicKeyPem);
  let check: ChainCheck | undefined;
  const checked = (origin: ChainOrigin) => {
    check = new ChainCheck(origin, publicKey, expectHead);
    return check;
  };
  try {
    if (await isDatabase(path)) verifyDatabase(path, checked);
    else await verifyExport(path, publicKey, checked);
  } catch (error) {
    const message = `${path} cannot be read to its end: ${error instanceof Error ? error.message : String(error)}`;
    check?.unreadable(message);
    if (check === undefined) return unread(message);
  }
  return check?.finish() ?? unread(`${path} is empty`);
}

function verifyDatabase(path: string, checked: (origin: ChainOrigin) => ChainCheck): void {
  const database = openReadOnly(path);
  try {
    database.exec('BEGIN'); // one moment of it, whoever writes meanwhile
    const origin = originOf(database);
    const check = checked(origin);
    for (const part of partsOf(database, origin.replica, 0)) feed(check, part);
    const said = String(database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check']);
    if (said !== 'ok') check.disagreeingIndex(said);
  } finally {
    database.close();
  }
}

async function verifyExport(
  path: string,
  publicKey: KeyObject,
  checked: (origin: ChainOrigin) => ChainCheck,
): Promise<void> {
  let check: ChainCheck | undefined;
  let origin: ChainOrigin | undefined;
  let number = 0;
  for await (const line of linesOf(path)) {
    number += 1;
    try {
      if (check === undefined || origin === undefined) {
        const header = headerOf(line);
        const own = fingerprintOf(publicKey);
        origin = header;
        check = checked(header);
        if (header.keyFingerprint !== own)
          check.unreadable(`it names the key ${header.keyFingerprint}, and this one is ${own}`);
      } else feed(check, partOf(line, origin.replica));
    } catch (error) {
      throw new Error(`line ${number}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Of an export. @throws where one is too long to be of one. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineLengthMax) throw new Error(`a line is longer than ${lineLengthMax} characters`);
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function feed(check: ChainCheck, part: ChainPart): void {
  if (part.kind === 'record') check.record(part.record);
  else check.head(part.head);
}

function unread(message: string): ChainReport {
  const nothing = { first: 0, last: 0, records: 0, pruned: 0, withheld: 0 };
  return { replica: '', ...nothing, findings: [{ kind: 'unreadable', message }] };
}

async function isDatabase(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(databaseMagic.length), 0, databaseMagic.length, 0);
    return bytesRead === databaseMagic.length && buffer.equals(databaseMagic);
  } finally {
    await file.close();
  }
}

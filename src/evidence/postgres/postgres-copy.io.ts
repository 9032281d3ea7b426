/**
 * Verifies and exports one replica's chain in PostgreSQL, while it may be written.
 *
 * What an answer without findings means, verify.io.ts says. The key to verify by comes from elsewhere: that which the
 * database holds is another hand's word.
 */
import type { Writable } from 'node:stream';
import { ChainCheck, type ChainReport } from '../chain/chain-check.ts';
import { type Exported, type ExportFilter, exportChain } from '../chain/export.io.ts';
import { publicKeyOf } from '../chain/head.ts';
import type { VerifyOptions } from '../chain/verify.io.ts';
import { type PostgresAddress, parsePostgresAddress, placeOf } from './postgres-address.ts';
import { oneMoment } from './postgres-open.io.ts';
import { messageOf, type Query, Session } from './postgres-session.io.ts';
import { originOf, partsOf } from './postgres-source.io.ts';

/** Longest that one page may take to be read, in ms. */
const statementMs = 60_000;

/** @throws where the public key is none, or the string no connection string. */
export async function verifyPostgres(
  connectionString: string,
  replica: string,
  { publicKeyPem, expectHead }: VerifyOptions,
): Promise<ChainReport> {
  const publicKey = publicKeyOf(publicKeyPem);
  const address = addressIn(connectionString);
  let check = new ChainCheck({ replica }, publicKey, expectHead);
  try {
    await inOneMoment(address, async (ask) => {
      const { base } = await originOf(ask, replica);
      if (base !== undefined) check = new ChainCheck({ replica, base }, publicKey, expectHead);
      for await (const part of partsOf(ask, replica, base?.position ?? 0)) {
        if (part.kind === 'record') check.record(part.record);
        else check.head(part.head);
      }
    });
  } catch (error) {
    check.unreadable(`${placeOf(address)} cannot be read to its end: ${messageOf(error)}`);
  }
  return check.finish();
}

/** @throws where the string is no connection string, the chain cannot be read, or the stream fails. The stream is left open. */
export function exportPostgres(
  output: Writable,
  connectionString: string,
  replica: string,
  filter: ExportFilter = {},
): Promise<Exported> {
  return inOneMoment(addressIn(connectionString), async (ask) => {
    const origin = await originOf(ask, replica);
    return exportChain(output, { origin, parts: partsOf(ask, replica, origin.base?.position ?? 0) }, filter);
  });
}

async function inOneMoment<T>(address: PostgresAddress, read: (ask: Query) => Promise<T>): Promise<T> {
  const session = new Session({ address, statementMs });
  try {
    return await session.transaction(read, { begin: oneMoment });
  } finally {
    await session.end();
  }
}

function addressIn(connectionString: string): PostgresAddress {
  const address = parsePostgresAddress(connectionString);
  if ('refused' in address) throw new Error(address.refused);
  return address;
}

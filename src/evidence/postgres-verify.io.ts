/**
 * Verifies one replica's chain in PostgreSQL with the public key alone, while it may be written.
 *
 * What an answer without findings means, verify.io.ts says. The key comes from elsewhere: that which the database holds is
 * another hand's word.
 */
import { ChainCheck, type ChainReport } from './chain-check.ts';
import { publicKeyOf } from './head.ts';
import { parsePostgresAddress, placeOf } from './postgres-address.ts';
import { oneMoment } from './postgres-open.io.ts';
import { messageOf, Session } from './postgres-session.io.ts';
import { originOf, pageOf, positionOf } from './postgres-source.io.ts';
import type { VerifyOptions } from './verify.io.ts';

/** Longest that one page may take to be read, in ms. */
const statementMs = 60_000;

/** @throws where the public key is none, or the string no connection string. */
export async function verifyPostgres(
  connectionString: string,
  replica: string,
  { publicKeyPem, expectHead }: VerifyOptions,
): Promise<ChainReport> {
  const publicKey = publicKeyOf(publicKeyPem);
  const address = parsePostgresAddress(connectionString);
  if ('refused' in address) throw new Error(address.refused);
  const session = new Session({ address, statementMs });
  let check = new ChainCheck({ replica }, publicKey, expectHead);
  try {
    await session.transaction(
      async (ask) => {
        const { base } = await originOf(ask, replica);
        if (base !== undefined) check = new ChainCheck({ replica, base }, publicKey, expectHead);
        let last = base?.position ?? 0;
        for (let page = await pageOf(ask, replica, last); page.length > 0; page = await pageOf(ask, replica, last)) {
          for (const part of page) {
            if (part.kind === 'record') check.record(part.record);
            else check.head(part.head);
            last = positionOf(part);
          }
        }
      },
      { begin: oneMoment },
    );
  } catch (error) {
    check.unreadable(`${placeOf(address)} cannot be read to its end: ${messageOf(error)}`);
  } finally {
    await session.end();
  }
  return check.finish();
}

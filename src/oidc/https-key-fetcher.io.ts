/**
 * Fetches an issuer's JWKS document over HTTPS: the discovery document first, unless the address of the keys was given.
 *
 * The host that answers may lie: it is given one time for everything, a size, no redirect, no compression and no other
 * content than JSON. Who may be dialled at all is the connector's rule (`guarded-connector.io.ts`).
 */
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { discoveryUrl, readDiscovery } from './discovery.ts';
import { guardedConnector } from './guarded-connector.io.ts';
import type { PrivateHost } from './identity-provider.ts';
import type { KeyDocument, KeyFetcher } from './key-book.ts';
import { maxAgeMs } from './max-age.ts';

/** Longest discovery or JWKS document, in bytes. */
export const documentBytesMax = 256 * 1024;

/** Largest head of an answer, in bytes. */
const headerBytesMax = 16 * 1024;

/** Longest that discovery and keys may take together, in ms: a caller is waiting where no keys are held. */
export const fetchTimeoutMs = 5_000;

/** Where a URL names no port. */
const httpsPort = 443;

const jsonTypes = /^application\/(json|jwk-set\+json)\s*(;|$)/i;

export interface HttpsKeyFetcherPorts {
  readonly connector?: buildConnector.connector;
  /** @returns a signal that fires after so many ms. */
  readonly timeLimit?: (ms: number) => AbortSignal;
}

/** Without ports of the caller's: for each address the guarded connector, and real time. */
export function httpsKeyFetcher({
  connector,
  timeLimit = (ms) => AbortSignal.timeout(ms),
}: HttpsKeyFetcherPorts = {}): KeyFetcher {
  return async ({ issuer, jwksUri, privateHosts = [] }) => {
    const signal = timeLimit(fetchTimeoutMs);
    const get = (address: string) => {
      const within = rangesOf(address, privateHosts);
      return getDocument(address, connector ?? guardedConnector({ within }), signal);
    };
    return await get(jwksUri ?? readDiscovery((await get(discoveryUrl(issuer))).document, issuer));
  };
}

/** @returns ranges inside that the very host and port of the address may be in. */
function rangesOf(address: string, privateHosts: readonly PrivateHost[]): readonly string[] {
  const { hostname, port } = new URL(address);
  const dialled = port === '' ? httpsPort : Number(port);
  const named = privateHosts.filter((each) => each.host === hostname && each.port === dialled);
  return named.flatMap(({ addresses }) => addresses);
}

async function getDocument(address: string, connect: buildConnector.connector, signal: AbortSignal) {
  const url = new URL(address);
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new Error('the address of the document is not plain https');
  }
  const client = new Client(url.origin, { connect, maxHeaderSize: headerBytesMax, pipelining: 0, allowH2: false });
  try {
    const answer = await client.request({
      ...{ method: 'GET', path: url.pathname + url.search, signal },
      headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'coffre' },
    });
    return await readBody(answer);
  } finally {
    // Destroyed, not closed: what a lying host still sends is not waited for.
    await client.destroy();
  }
}

async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<KeyDocument> {
  // A body that is not read to its end breaks when the client is destroyed; nobody is interested.
  body.on('error', () => undefined);
  if (statusCode !== 200) throw new Error(`the host answered ${statusCode}; redirects are not followed`);
  const { 'content-type': type, 'content-encoding': encoding, 'cache-control': cacheControl } = headers;
  if (typeof type !== 'string' || !jsonTypes.test(type)) throw new Error('the host answered something else than JSON');
  if (encoding !== undefined && encoding !== 'identity') throw new Error('the host answered compressed');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > documentBytesMax) throw new Error(`the host answered more than ${documentBytesMax} bytes`);
    chunks.push(chunk);
  }
  return { document: Buffer.concat(chunks), maxAgeMs: maxAgeMs([cacheControl ?? []].flat()) };
}

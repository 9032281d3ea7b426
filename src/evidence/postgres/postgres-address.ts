/**
 * Where the shared store is, as a connection string says it: `postgres://user:password@host:port/database?sslrootcert=ca.pem`.
 *
 * The surprise: libpq's `sslmode` has six values, four of which let somebody in between read along or answer in the server's
 * place. Here there are two: the server is verified by name, or it is on this machine. A string that asks for anything
 * else is refused, not improved. No message repeats the string: a password stands in it.
 */
import { isIP } from 'node:net';

export interface PostgresAddress {
  /** Host name, address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Absent where the server is on this machine and TLS was not asked for. */
  readonly tls?: PostgresTls;
}

export interface PostgresTls {
  /** PEM; the system's CAs where absent. */
  readonly caFile?: string;
  /** What this side shows, if the server asks for it. */
  readonly client?: { readonly certificateFile: string; readonly keyFile: string };
}

const portDefault = 5_432;
const settings = ['host', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

/** @returns the address, or why it is none. */
export function parsePostgresAddress(text: string): PostgresAddress | { readonly refused: string } {
  const url = urlIn(text.trim());
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    return { refused: 'it is no connection string; write postgres://USER:PASSWORD@HOST:PORT/DATABASE' };
  }
  const unknown = [...url.searchParams.keys()].find((name) => !settings.includes(name));
  if (unknown !== undefined) {
    return { refused: `setting \`${unknown}\` is not known here; known are ${settings.join(', ')}` };
  }
  const setting = (name: string) => url.searchParams.get(name) ?? undefined;
  const host = setting('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1');
  const [user, password] = [url.username, url.password].map(decoded);
  const database = decoded(url.pathname.slice(1));
  if (host === '' || !user || password === undefined || !database) {
    return { refused: 'host, user and database must be named; write postgres://USER:PASSWORD@HOST:PORT/DATABASE' };
  }
  const { sslmode, sslrootcert, sslcert, sslkey } = Object.fromEntries(settings.map((name) => [name, setting(name)]));
  if ((sslcert === undefined) !== (sslkey === undefined)) return { refused: '`sslcert` and `sslkey` go together' };
  if (sslmode !== undefined && sslmode !== 'verify-full' && !(sslmode === 'disable' && isOfThisMachine(host))) {
    const cure = 'write sslmode=verify-full, with sslrootcert=FILE where its CA is one of your own';
    return { refused: `sslmode=${sslmode} does not prove who answers at \`${host}\`; ${cure}` };
  }
  const isAsked = sslmode === 'verify-full' || sslrootcert !== undefined || sslcert !== undefined;
  const common = { host, port: Number(url.port || portDefault), user, password, database };
  if (host.startsWith('/') || sslmode === 'disable' || (!isAsked && isOfThisMachine(host))) return common;
  return {
    ...common,
    tls: {
      ...(sslrootcert === undefined ? {} : { caFile: sslrootcert }),
      ...(sslcert === undefined || sslkey === undefined
        ? {}
        : { client: { certificateFile: sslcert, keyFile: sslkey } }),
    },
  };
}

/** For the log: without user and password. */
export function placeOf({ host, port, database }: PostgresAddress): string {
  return `PostgreSQL at ${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}

/** What never leaves it. A name is not enough, not even `localhost`: who answers to a name is another's to say. */
function isOfThisMachine(host: string): boolean {
  return host.startsWith('/') || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function urlIn(text: string): URL | undefined {
  try {
    return new URL(text.replace('@/', '@socket/')); // with a socket there is no host before the path
  } catch {
    return undefined;
  }
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

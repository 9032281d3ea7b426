/** An HTTPS host on loopback that answers each path as the test says, and remembers what it was asked. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { createTestAuthority } from '../../authz/support/pki.ts';

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface LyingHost {
  readonly issuer: string;
  readonly answers: Map<string, Answer>;
  readonly asked: string[];
  /** Resolves with the next request's path. */
  nextRequest(): Promise<unknown>;
  /** Dials this host by any name, and believes its authority: what a test injects in the guard's place. */
  readonly connector: buildConnector.connector;
  /** The same, and believes the authorities of the system only. */
  readonly distrustful: buildConnector.connector;
  close(): Promise<void>;
}

export async function openLyingHost(): Promise<LyingHost> {
  const authority = await createTestAuthority();
  const { certificatePem, keyPem } = await authority.issue({ type: 'dns', value: 'idp.test' });
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    asked.push(request.url ?? '');
    // A client that has heard enough hangs up in the middle.
    response.on('error', () => undefined);
    const answer = answers.get(request.url ?? '');
    if (answer === undefined) response.writeHead(404).end();
    else answer(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the host has no port');
  return {
    issuer: `https://idp.test:${address.port}`,
    answers,
    asked,
    nextRequest: () => once(server, 'request'),
    connector: loopbackConnector(authority.caPem),
    distrustful: loopbackConnector(undefined),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** @param caPem whom to believe; absent means the authorities of the system. */
export function loopbackConnector(caPem: string | undefined): buildConnector.connector {
  const lookup: LookupFunction = (_, { all }, found) => {
    if (all === true) found(null, [{ address: '127.0.0.1', family: 4 }]);
    else found(null, '127.0.0.1', 4);
  };
  return buildConnector({ lookup, allowH2: false, ...(caPem === undefined ? {} : { ca: caPem }) });
}

export function json(value: unknown): Answer {
  return (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/**
 * The inspection door of all simulated proxies: one server, which is whoever it was dialled as.
 *
 *   control plane ──mutual TLS──▶ 15004 of a simulated address ──by the address──▶ /runtime of that proxy, /config_dump
 *
 * To the control plane it is Envoy's: TLS 1.3 with the workload's own certificate from SDS, no resumption, and one client
 * name. The runtime is what that proxy holds; the dump is that of a real Envoy in the same service account, so that reading
 * one costs the control plane what it always costs.
 */
import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Secret } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { drillLayer } from '../src/envoy/names.ts';
import { inspectionPort } from '../src/model/ports.ts';
import { runtimePage, type SimulatedLayer } from './simulated-layer.ts';

export interface DoorKeys {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** The one client, as in `subjectaltname`. */
  readonly client: string;
}

/**
 * @param root of the mesh: a server of Node's ends every chain at a root, where Envoy is content with the intermediate.
 * @returns undefined where the secrets are not those of a door.
 */
export function doorKeys(identity: Secret, trust: Secret, root: string): DoorKeys | undefined {
  if (identity.type.case !== 'tlsCertificate' || trust.type.case !== 'validationContext') return undefined;
  const { certificateChain, privateKey } = identity.type.value;
  const { trustedCa, matchTypedSubjectAltNames } = trust.type.value;
  const [matcher] = matchTypedSubjectAltNames;
  const pattern = matcher?.matcher?.matchPattern;
  const [cert, key, ca] = [certificateChain, privateKey, trustedCa].map((source) =>
    source?.specifier.case === 'inlineString' ? source.specifier.value : undefined,
  );
  if (cert === undefined || key === undefined || ca === undefined || pattern?.case !== 'exact') return undefined;
  return { cert, key, ca: `${ca}\n${root}`, client: `URI:${pattern.value}` };
}

/** @param layers by address. Resolves once it listens, at every address of this network. */
export async function openDoor(
  { client, ...keys }: DoorKeys,
  layers: ReadonlyMap<string, SimulatedLayer>,
  configDump: string,
): Promise<void> {
  const server = createServer({
    ...keys,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  server.on('request', ({ socket, method, url = '' }: IncomingMessage, response: ServerResponse) => {
    const { localAddress = '' } = socket;
    const layer = layers.get(localAddress);
    const isAllowed = (socket as TLSSocket).getPeerCertificate().subjectaltname === client && method === 'GET';
    if (!isAllowed) response.writeHead(403).end();
    else if (url.startsWith('/config_dump')) response.end(configDump);
    else if (url.startsWith('/runtime') && layer !== undefined) {
      response.end(runtimePage(drillLayer, layer.settings(performance.now())));
    } else response.writeHead(404).end();
  });
  server.listen(inspectionPort, '0.0.0.0', 4_096);
  await once(server, 'listening');
}

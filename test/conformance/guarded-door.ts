/**
 * Our server as it stands in production, for the cases about identity: TLS, tokens of a real issuer, the real rule of
 * who is admitted, and the configuration of a real mesh. It lists the callers that must be served and those that must not.
 */
import { SignJWT } from 'jose';
import { admitProxy } from '../../src/controller/admit-proxy.ts';
import { createGrpcServer } from '../../src/grpc/grpc-server.ts';
import { tokenHeader } from '../../src/grpc/peer.ts';
import { generateKeyPair, type KeyPair } from '../../src/identity/key-pair.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { tokenAlgorithm, tokenType } from '../../src/identity/token-claims.ts';
import { createTokenIssuer } from '../../src/identity/token-issuer.io.ts';
import { systemClock } from '../../src/system-clock.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import { MeshLoop } from '../fixtures/mesh-loop.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { serverLeaf, serverName, testAuthority } from '../grpc/authority.ts';
import type { Caller } from './adapter.ts';

const web = { workload: 'atelier/web-1', serviceAccount: 'web' };
const webNode = { id: web.workload, cluster: 'atelier' };
const issuer = 'mesh.example';

export async function guardedDoor(): Promise<{ readonly callers: readonly Caller[]; stop(): Promise<void> }> {
  const mesh = new MeshLoop();
  await mesh.write(twoTenants);
  const authority = await testAuthority();
  const [keys, strangeKeys] = await Promise.all([generateKeyPair(), generateKeyPair()]);
  const tokens = createTokenIssuer(keys, issuer, systemPorts);
  const server = createGrpcServer({
    address: '127.0.0.1:0',
    tls: serverLeaf(authority),
    requireClientCertificate: false,
  });
  const service = createXdsService({
    identifier: 'conformance',
    clock: systemClock,
    snapshots: mesh.cache,
    observe: () => undefined,
    async greet({ header }) {
      const token = await tokens.verifyToken(header(tokenHeader) ?? '');
      if (token.kind === 'ok') return { kind: 'heard', holder: token.workload };
      return { kind: 'refused', status: 'UNAUTHENTICATED', reason: token.reason };
    },
    authenticate: async ({ node, header }) =>
      admitProxy(await tokens.verifyToken(header(tokenHeader) ?? ''), {
        nodeId: node.id,
        nodeCluster: node.cluster,
        snapshot: mesh.snapshot,
      }),
  });
  server.addDefinition(service.definition, service.implementation);
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);

  const tls = { caPem: authority.rootPem, serverName };
  const bearing = (token: string) => ({ [tokenHeader]: token });
  const good = bearing((await tokens.mintToken(web)).token);
  const dayMs = 86_400_000;
  const expired = bearing((await tokens.mintToken(web, -dayMs)).token);
  const forged = bearing((await createTokenIssuer(strangeKeys, issuer, systemPorts).mintToken(web)).token);
  const ofAnotherAccount = bearing((await tokens.mintToken({ ...web, serviceAccount: 'api' })).token);
  const forAnother = bearing(await tokenFor('vault', keys));
  const plain = { address: bound.address, node: webNode };
  const at = { ...plain, tls };
  return {
    callers: [
      { ...at, what: 'its own token', metadata: good, outcome: 'served' },
      {
        ...at,
        what: 'its own token and another namespace',
        node: { id: 'notaire/web-1', cluster: 'notaire' },
        metadata: good,
        outcome: 'PERMISSION_DENIED',
      },
      {
        ...at,
        what: 'its own token and another workload',
        node: { ...webNode, id: 'atelier/api-1' },
        metadata: good,
        outcome: 'PERMISSION_DENIED',
      },
      { ...at, what: 'the token of another service account', metadata: ofAnotherAccount, outcome: 'PERMISSION_DENIED' },
      { ...at, what: 'no token', metadata: {}, outcome: 'UNAUTHENTICATED' },
      { ...at, what: 'an expired token', metadata: expired, outcome: 'UNAUTHENTICATED' },
      { ...at, what: 'its own token for another audience', metadata: forAnother, outcome: 'UNAUTHENTICATED' },
      { ...at, what: 'a token of another authority', metadata: forged, outcome: 'UNAUTHENTICATED' },
      { ...plain, what: 'its own token in plaintext', metadata: good, outcome: 'no connection' },
    ],
    async stop() {
      service.close();
      await mesh.loop.stop();
      await server.close(0);
    },
  };
}

/** Good but for its audience: signed by the true key, as an issuer that serves several audiences would. */
function tokenFor(audience: string, { privateKey }: KeyPair): Promise<string> {
  return new SignJWT({ sa: web.serviceAccount })
    .setProtectedHeader({ alg: tokenAlgorithm, typ: tokenType })
    .setIssuer(issuer)
    .setSubject(web.workload)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
}

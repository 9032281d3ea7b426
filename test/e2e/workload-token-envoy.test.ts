/**
 * A sidecar outside Kubernetes finds its control plane: a real Envoy trusts the root that we wrote into its folder, shows
 * the token that we wrote beside it, and takes the next token without a restart.
 */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/grpc-server.ts';
import { peerOf, tokenHeader, tokenOf } from '../../src/grpc/peer.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { WorkloadFiles } from '../../src/identity/workload-files.io.ts';
import { serverLeaf, serverName } from '../grpc/authority.ts';
import { fakePorts } from '../identity/fake-ports.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { startEnvoy } from './static-envoy.ts';

const cart = { workload: 'shop/cart-0', serviceAccount: 'cart' };

test('a real Envoy opens its stream with the token we wrote, and after a renewal with the next one', async () => {
  const ports = fakePorts(Date.now());
  const stateFolder = await temporaryFolder();
  const authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports });
  const { rootPem, tokens } = authority;
  const files = new WorkloadFiles({ folder: await temporaryFolder(), rootPem, tokens, clock: ports.clock });
  const { nextRenewalMs } = await files.sync([cart]);
  const arrivals = new Arrivals();
  const { server, port } = await discoveryServer(authority, arrivals);
  const envoy = await startEnvoy(await temporaryFolder(), bootstrap(files.folderOf(cart.workload), port));
  onTestFinished(() => envoy.stop());

  const first = await arrivals.next();
  expect(await tokens.verifyToken(first)).toMatchObject({ kind: 'ok', ...cart });

  ports.clock.set(nextRenewalMs);
  expect((await files.sync([cart])).renewed).toEqual([cart.workload]);
  let later = first;
  while (later === first) {
    server.drain(0); // Envoy may come back before it has seen the file move: then it is sent away once more
    later = await arrivals.next();
  }
  expect(await tokens.verifyToken(later)).toMatchObject({ kind: 'ok', ...cart });
});

/** Tokens of the streams that were opened, in order. */
class Arrivals {
  readonly #waiting: string[] = [];
  #wake: () => void = () => undefined;

  add(token: string): void {
    this.#waiting.push(token);
    this.#wake();
  }

  async next(): Promise<string> {
    for (;;) {
      const token = this.#waiting.shift();
      if (token !== undefined) return token;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }
}

async function discoveryServer(
  authority: Authority,
  arrivals: Arrivals,
): Promise<{ server: GrpcServer; port: number }> {
  const server = createGrpcServer({
    address: '127.0.0.1:0',
    tls: { ...serverLeaf(authority), clientCaPem: authority.rootPem },
    requireClientCertificate: false,
  });
  server.addService(
    AggregatedDiscoveryService,
    {},
    {
      streamAggregatedResources(call) {
        const token = tokenOf(call.metadata);
        expect(peerOf(call)).toEqual({ kind: 'none' });
        arrivals.add(token.kind === 'token' ? token.token : token.kind);
      },
      deltaAggregatedResources(call) {
        call.end();
      },
    },
  );
  const bound = await server.bind();
  if (bound.kind === 'refused') throw new Error(bound.message);
  onTestFinished(async () => {
    await server.close(0);
  });
  return { server, port: bound.port };
}

function bootstrap(folder: string, port: number): object {
  const extensions = 'type.googleapis.com/envoy.extensions';
  const filters = `${extensions}.filters.http`;
  const watched = { path: join(folder, 'secrets') };
  const sds = (file: string): object => ({
    resource_api_version: 'V3',
    path_config_source: { path: join(folder, file), watched_directory: watched },
  });
  const credential = {
    name: 'envoy.http.injected_credentials.generic',
    typed_config: {
      '@type': `${extensions}.http.injected_credentials.generic.v3.Generic`,
      header: tokenHeader,
      credential: { name: 'token', sds_config: sds('token.sds.json') },
    },
  };
  const cluster = {
    name: 'coffre-xds',
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: 'coffre-xds',
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }],
        },
      ],
    },
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${extensions}.transport_sockets.tls.v3.UpstreamTlsContext`,
        sni: serverName,
        common_tls_context: {
          alpn_protocols: ['h2'],
          tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: serverName } }],
            },
            validation_context_sds_secret_config: { name: 'mesh-root', sds_config: sds('mesh-root.sds.json') },
          },
        },
      },
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${extensions}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
        http_filters: [
          {
            name: 'envoy.filters.http.credential_injector',
            typed_config: {
              '@type': `${filters}.credential_injector.v3.CredentialInjector`,
              overwrite: true,
              credential,
            },
          },
          {
            name: 'envoy.filters.http.upstream_codec',
            typed_config: { '@type': `${filters}.upstream_codec.v3.UpstreamCodec` },
          },
        ],
      },
    },
  };
  return {
    node: { id: cart.workload, cluster: 'shop' },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'coffre-xds' } }],
      },
      lds_config: { resource_api_version: 'V3', ads: {} },
    },
    static_resources: { clusters: [cluster] },
  };
}

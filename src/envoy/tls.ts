/**
 * Both ends of a mesh connection: TLS 1.3 and nothing older, certificates by SDS, a client certificate always required.
 *
 * Session resumption is off in both forms and at both ends: a resumed session is not checked for expiry again.
 */
import { create } from '@bufbuild/protobuf';
import { type TransportSocket, TransportSocketSchema } from '#gen/envoy/config/core/v3/base_pb.js';
import {
  AggregatedConfigSourceSchema,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from '#gen/envoy/config/core/v3/config_source_pb.js';
import { type ListenerFilter, ListenerFilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import {
  TlsParameters_TlsProtocol,
  TlsParametersSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { SdsSecretConfigSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import {
  type CommonTlsContext,
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { identitySecret } from './names.ts';
import { remembered } from './remembered.ts';
import { pack } from './resource.ts';

/** "Over the ADS stream you already have": where every dynamic resource of a proxy comes from. */
export function fromAds(): ConfigSource {
  return ads;
}

const ads = create(ConfigSourceSchema, {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: 'ads', value: create(AggregatedConfigSourceSchema) },
});

/** Ends of connections that are told apart at once: a few for each tenant. */
const endsMax = 4_096;

/** @param trust name of the SDS secret that says who may connect. */
export const downstreamTls = remembered(
  endsMax,
  (trust: string, alpn: readonly string[]): TransportSocket =>
    tlsSocket(
      pack(
        DownstreamTlsContextSchema,
        create(DownstreamTlsContextSchema, {
          commonTlsContext: commonTls(trust, alpn),
          requireClientCertificate: true,
          sessionTicketKeysType: { case: 'disableStatelessSessionResumption', value: true },
          disableStatefulSessionResumption: true,
        }),
      ),
    ),
);

/** @param trust name of the SDS secret that says who may answer; @param sni names the caller's tenant. */
export function upstreamTls(trust: string, sni: string, alpn: readonly string[]): TransportSocket {
  return tlsSocket(
    pack(
      UpstreamTlsContextSchema,
      create(UpstreamTlsContextSchema, {
        commonTlsContext: commonTls(trust, alpn),
        sni,
        maxSessionKeys: 0,
      }),
    ),
  );
}

function commonTls(trust: string, alpn: readonly string[]): CommonTlsContext {
  return create(CommonTlsContextSchema, {
    alpnProtocols: [...alpn],
    tlsParams: onlyTls13,
    tlsCertificateSdsSecretConfigs: [ownCertificate],
    validationContextType: { case: 'validationContextSdsSecretConfig', value: { name: trust, sdsConfig: fromAds() } },
  });
}

const onlyTls13 = create(TlsParametersSchema, {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
});

const ownCertificate = create(SdsSecretConfigSchema, { name: identitySecret, sdsConfig: ads });

export function tlsSocket(value: ReturnType<typeof pack>): TransportSocket {
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value },
  });
}

/** Reads what a client says of itself before its handshake: whether it is TLS, and the SNI. */
export function tlsInspector(): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: 'envoy.filters.listener.tls_inspector',
    configType: { case: 'typedConfig', value: pack(TlsInspectorSchema, create(TlsInspectorSchema)) },
  });
}

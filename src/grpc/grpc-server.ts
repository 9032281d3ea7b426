/**
 * A gRPC server that never speaks plaintext, changes its certificate while it runs, and ends in bounded time.
 *
 *   createGrpcServer ──addService──▶ bind ──rotate, drain──▶ … ──close──▶ 'drained' | 'forced'
 *
 * TLS is ours and gRPC is grpc-js's: it is handed connections whose handshake is done (door.ts). A server of a few small
 * methods that are called very often stands behind the same door without grpc-js: lean-server.ts.
 */
import type { Settings } from 'node:http2';
import type { DescService } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { type BindResult, type DoorOptions, openDoor, type RotationResult } from './door.ts';
import {
  concurrentStreamsMax,
  connectionAgeGraceMs,
  connectionAgeMaxMs,
  headerListBytesMax,
  keepaliveTimeMs,
  keepaliveTimeoutMs,
  receiveMessageBytesMax,
} from './limits.ts';
import { type ServiceForms, type ServiceHandlers, serviceDefinition } from './service-definition.ts';
import type { TlsMaterial } from './tls-material.ts';

export interface GrpcServerOptions extends DoorOptions {
  /** Age at which a connection is asked to leave, in ms; a tenth of jitter either way. */
  readonly connectionAgeMaxMs?: number;
  readonly receiveMessageBytesMax?: number;
}

export interface GrpcServer {
  addService<S extends DescService, const F extends ServiceForms<S>>(
    service: S,
    forms: F,
    handlers: ServiceHandlers<S, F>,
  ): void;
  /** For a service that brings its own serializers. */
  addDefinition(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void;
  bind(): Promise<BindResult>;
  rotate(tls: TlsMaterial): RotationResult;
  /** Asks every connected client to come back on a new connection; those still here after `graceMs` are cut. */
  drain(graceMs: number): void;
  /** Takes no new call, lets open ones end, and cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<'drained' | 'forced'>;
}

/** @throws where the certificate and key do not fit: the caller made or read them just now. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const server = new Server({
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.max_receive_message_length': options.receiveMessageBytesMax ?? receiveMessageBytesMax,
    'grpc.max_concurrent_streams': concurrentStreamsMax,
    'grpc.max_connection_age_ms': options.connectionAgeMaxMs ?? connectionAgeMaxMs,
    'grpc.max_connection_age_grace_ms': connectionAgeGraceMs,
    'grpc.enable_channelz': 0,
  });
  limitHeaders(server);
  // The connections that it is given have TLS already.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const door = openDoor(options, (socket) => injector.injectConnection(socket));

  return {
    addService(service, forms, handlers) {
      // Each handler is typed by ServiceHandlers; grpc-js's own map is not.
      server.addService(serviceDefinition(service, forms), handlers as UntypedServiceImplementation);
    },

    addDefinition(definition, implementation) {
      server.addService(definition, implementation);
    },

    bind: () => door.bind(),

    rotate: (tls) => door.rotate(tls),

    drain(graceMs) {
      injector.drain(graceMs);
    },

    close(graceMs) {
      return new Promise((resolve) => {
        // Before the drain's own timer, which cuts them as well: who is cut has not left.
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve('forced');
        }, graceMs);
        // grpc-js's forceShutdown knows no session unless channelz is on; this drain does, if it comes before tryShutdown.
        injector.drain(graceMs);
        server.tryShutdown(() => undefined);
        void door.close().then(() => {
          clearTimeout(timer);
          resolve('drained');
        });
      });
    },
  };
}

/**
 * grpc-js has no option for the size of a header block: only the settings that it hands to its HTTP/2 servers have.
 * @throws where grpc-js keeps them elsewhere than it does today.
 */
function limitHeaders(server: Server): void {
  const { settings } = (server as unknown as { readonly commonServerOptions: { readonly settings: Settings } })
    .commonServerOptions;
  settings.maxHeaderListSize = headerListBytesMax;
}

/**
 * From a protobuf-es service to a grpc-js one, with the types of its handlers.
 *
 *   serviceDefinition(Authorization, { check: { request: 'raw' } }) ──▶ server.addService(definition, handlers)
 */
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js';
import { type MethodForms, methodDefinition, type RequestOf, type ResponseOf } from './method-definition.ts';

/** Form of each method, by its local name; what is not named is decoded. */
export type ServiceForms<S extends DescService> = { readonly [K in keyof S['method']]?: MethodForms };

export type ServiceHandlers<S extends DescService, F extends ServiceForms<S>> = {
  readonly [K in keyof S['method']]: Handler<S['method'][K], F[K]>;
};

type Handler<D extends DescMethod, F> = {
  unary: handleUnaryCall<RequestOf<D, F>, ResponseOf<D, F>>;
  server_streaming: handleServerStreamingCall<RequestOf<D, F>, ResponseOf<D, F>>;
  client_streaming: handleClientStreamingCall<RequestOf<D, F>, ResponseOf<D, F>>;
  bidi_streaming: handleBidiStreamingCall<RequestOf<D, F>, ResponseOf<D, F>>;
}[D['methodKind']];

export function serviceDefinition<S extends DescService>(service: S, forms: ServiceForms<S>): ServiceDefinition {
  const formOf = new Map<string, MethodForms | undefined>(Object.entries(forms));
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, methodDefinition(method, formOf.get(method.localName) ?? {})]),
  );
}

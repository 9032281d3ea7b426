/**
 * The client status discovery service (CSDS): what each client was sent, accepted and refused, for who may know.
 *
 *   asker ──authorise──▶ whose status it may see ──▶ request ──▶ one ClientConfig per such client
 *
 * An asker is judged anew with each request, so that a stream outlives no credentials. What it may not see looks like
 * what is not there.
 */
import { create, fromBinary } from '@bufbuild/protobuf';
import { type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  ClientStatusDiscoveryService,
  type ClientStatusRequest,
  ClientStatusRequestSchema,
  type ClientStatusResponse,
  ClientStatusResponseSchema,
} from '#gen/envoy/service/status/v3/csds_pb.js';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import type { ClientStatus } from './client-status.ts';
import { clientConfigOf, newestOfEach } from './csds-config.ts';
import { statusRequestBytesMax, statusStreamsMax } from './csds-limits.ts';
import { nodeFilter } from './csds-matcher.ts';
import type { AdmissionRefusal, Stranger } from './ports.ts';

export interface StatusPorts {
  status(): readonly ClientStatus[];
  /** Judges an asker by its headers and certificate. A rejection refuses. */
  authorise(asker: Stranger): Promise<StatusAdmission>;
}

export type StatusAdmission =
  /** `sees` says of a client key whether this asker may know of it. */
  { readonly kind: 'asker'; sees(key: string): boolean } | AdmissionRefusal;

export interface ClientStatusService {
  addTo(server: Pick<GrpcServer, 'addService'>): void;
}

type Call = ServerUnaryCall<Uint8Array, ClientStatusResponse> | ServerDuplexStream<Uint8Array, ClientStatusResponse>;

type Answer =
  | { readonly kind: 'ok'; readonly response: ClientStatusResponse }
  | { readonly kind: 'refused'; readonly code: status; readonly details: string };

export function createClientStatusService(ports: StatusPorts): ClientStatusService {
  let streams = 0;

  function fetch(
    call: ServerUnaryCall<Uint8Array, ClientStatusResponse>,
    done: sendUnaryData<ClientStatusResponse>,
  ): void {
    void answer(ports, call, call.request).then((told) => {
      if (told.kind === 'ok') done(null, told.response);
      else done({ code: told.code, details: told.details });
    });
  }

  function stream(call: ServerDuplexStream<Uint8Array, ClientStatusResponse>): void {
    const end = (code: status, details: string): void => {
      call.emit('error', { code, details });
    };
    if (streams >= statusStreamsMax) {
      end(status.RESOURCE_EXHAUSTED, 'too many status streams');
      return;
    }
    streams += 1;
    let open = true;
    const closed = () => {
      if (open) streams -= 1;
      open = false;
    };
    call.on('cancelled', closed).on('close', closed).on('error', closed);
    call.on('end', () => call.end());
    call.on('data', (request: Uint8Array) => {
      // One at a time: who asks faster than it reads waits.
      call.pause();
      void answer(ports, call, request).then((told) => {
        if (!open) return;
        if (told.kind === 'refused') return end(told.code, told.details);
        if (call.write(told.response)) call.resume();
        else call.once('drain', () => call.resume());
      });
    });
  }

  return {
    addTo(server) {
      server.addService(
        ClientStatusDiscoveryService,
        // Decoded here, after the asker was judged.
        { fetchClientStatus: { request: 'raw' }, streamClientStatus: { request: 'raw' } },
        { fetchClientStatus: fetch, streamClientStatus: stream },
      );
    },
  };
}

async function answer(ports: StatusPorts, call: Call, bytes: Uint8Array): Promise<Answer> {
  const admission = await ports
    .authorise({
      address: call.getPeer(),
      certificate: call.getAuthContext().sslPeerCertificate,
      header: (name) => call.metadata.get(name)[0]?.toString(),
    })
    .catch((): AdmissionRefusal => ({ kind: 'refused', status: 'PERMISSION_DENIED', reason: 'could not be judged' }));
  if (admission.kind === 'refused') return { kind: 'refused', code: status[admission.status], details: 'refused' };
  if (bytes.length > statusRequestBytesMax)
    return { kind: 'refused', code: status.RESOURCE_EXHAUSTED, details: 'too long' };
  const request = decoded(bytes);
  if (request === undefined) return { kind: 'refused', code: status.INVALID_ARGUMENT, details: 'no request' };
  const filter = nodeFilter(request.nodeMatchers);
  if (filter.kind === 'refused') return { kind: 'refused', code: status.INVALID_ARGUMENT, details: filter.message };
  const seen = newestOfEach(ports.status()).filter(({ key, nodeId }) => admission.sees(key) && filter.matches(nodeId));
  const config = seen.map(clientConfigOf);
  return { kind: 'ok', response: create(ClientStatusResponseSchema, { config }) };
}

function decoded(bytes: Uint8Array): ClientStatusRequest | undefined {
  try {
    return fromBinary(ClientStatusRequestSchema, bytes);
  } catch {
    return undefined;
  }
}

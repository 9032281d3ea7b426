/** A report service over a real socket, in plaintext, whose callers say who they are in the header `as`. */
import { create, type DescMethod, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  Client,
  type ClientWritableStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { GrpcServer } from '../../src/grpc/grpc-server.ts';
import type { ReportAdmission, ReportCaller } from '../../src/grpc/report-stream.ts';
import { serviceDefinition } from '../../src/grpc/service-definition.ts';
import { serverName } from './authority.ts';

/** Who says nothing is refused. */
export async function admitAs({ header }: Pick<ReportCaller, 'header'>): Promise<ReportAdmission> {
  const key = header('as');
  if (key === undefined) return { kind: 'refused', status: 'UNAUTHENTICATED', reason: 'nobody in particular' };
  return { kind: 'client', key };
}

/** @returns the address. */
export async function reportServer(addTo: (server: Pick<GrpcServer, 'addService'>) => void): Promise<string> {
  const server = new Server();
  addTo({
    addService: (service, forms, handlers) =>
      server.addService(serviceDefinition(service, forms), handlers as UntypedServiceImplementation),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

export interface Reporter<D extends DescMethod> {
  send(message: MessageInitShape<D['input']>): void;
  sendBytes(bytes: Uint8Array): void;
  /** Says that nothing more comes. */
  end(): void;
  /** Answers as they come, in bytes. */
  readonly answers: readonly Buffer[];
  /** gRPC status at its end. */
  readonly status: Promise<status>;
}

/**
 * @param as undefined says nothing of who it is.
 * @param security of a server with certificates.
 */
export function reporter<D extends DescMethod>(
  address: string,
  method: D,
  as?: string,
  security = credentials.createInsecure(),
): Reporter<D> {
  const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.ssl_target_name_override': serverName };
  const client = new Client(address, security, options);
  onTestFinished(() => client.close());
  const metadata = new Metadata();
  if (as !== undefined) metadata.set('as', as);
  const same = (bytes: Buffer) => bytes;
  const path = `/${method.parent.typeName}/${method.name}`;
  const answers: Buffer[] = [];
  let ended: (code: status) => void = () => undefined;
  const over = new Promise<status>((resolve) => {
    ended = resolve;
  });
  let call: Pick<ClientWritableStream<Buffer>, 'write' | 'end' | 'on'>;
  if (method.methodKind === 'bidi_streaming') {
    const duplex = client.makeBidiStreamRequest(path, same, same, metadata);
    duplex.on('data', (bytes: Buffer) => answers.push(bytes));
    call = duplex;
  } else {
    call = client.makeClientStreamRequest(path, same, same, metadata, () => undefined);
  }
  call.on('error', () => undefined);
  call.on('status', ({ code }: { code: status }) => ended(code));
  return {
    send: (message) => void call.write(Buffer.from(toBinary(method.input, create(method.input, message)))),
    sendBytes: (bytes) => void call.write(Buffer.from(bytes)),
    end: () => void call.end(),
    answers,
    status: over,
  };
}

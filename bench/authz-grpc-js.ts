/**
 * The least that an ext_authz server on grpc-js can be: Envoy's message decoded by protobuf-es, an answer that is always OK.
 *
 *   authz-grpc-js.ts FOLDER     its server.crt, server.key and root.crt; says {"id":0,"address":…} once it listens, ends with its input
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import {
  Authorization,
  type CheckRequest,
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from '#gen/envoy/service/auth/v3/external_auth_pb.js';

const [folder = '.'] = process.argv.slice(2);
const file = (name: string) => readFileSync(join(folder, name));
const ok = create(CheckResponseSchema, { status: {}, httpResponse: { case: 'okResponse', value: {} } });

const server = new Server();
server.addService(
  {
    check: {
      path: `/${Authorization.typeName}/Check`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: CheckRequest) => Buffer.from(toBinary(CheckRequestSchema, value)),
      requestDeserialize: (bytes: Buffer) => fromBinary(CheckRequestSchema, bytes),
      responseSerialize: (value: CheckResponse) => Buffer.from(toBinary(CheckResponseSchema, value)),
      responseDeserialize: (bytes: Buffer) => fromBinary(CheckResponseSchema, bytes),
    },
  },
  {
    check(_call: ServerUnaryCall<CheckRequest, CheckResponse>, callback: sendUnaryData<CheckResponse>) {
      callback(null, ok);
    },
  },
);
const credentials = ServerCredentials.createSsl(
  file('root.crt'),
  [{ private_key: file('server.key'), cert_chain: file('server.crt') }],
  true,
);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error !== null) throw error;
  console.log(JSON.stringify({ id: 0, address: `127.0.0.1:${port}` }));
});
process.stdin.on('end', () => process.exit(0)).resume();

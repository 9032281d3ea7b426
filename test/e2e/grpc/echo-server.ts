/**
 * A gRPC application in a pod: `echo-server.ts PORT`. It answers any bytes with the same bytes.
 *
 *   /test.Echo/Say   one message      /test.Echo/Hidden   likewise      /test.Echo/Talk   each message as it comes
 *
 * Prints one JSON line a call before it answers, and `ready` once its port is bound. `fail` as a message is answered
 * with FAILED_PRECONDITION, which no proxy makes by itself.
 */
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { bidirectional, unary } from './echo-service.ts';

export interface SeenCall {
  readonly method: string;
  /** `x-request-id`. */
  readonly id: string;
  /** `x-forwarded-client-cert`. */
  readonly caller: string;
}

const server = new Server();
server.addService(
  { Say: unary('Say'), Hidden: unary('Hidden'), Talk: bidirectional('Talk') },
  {
    Say: answer('Say'),
    Hidden: answer('Hidden'),
    Talk(call: import('@grpc/grpc-js').ServerDuplexStream<Buffer, Buffer>) {
      see('Talk', call.metadata);
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
      call.on('error', () => undefined);
    },
  },
);
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write('ready\n');
});

function answer(method: string) {
  return (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
    see(method, call.metadata);
    if (call.request.toString() === 'fail') done({ code: status.FAILED_PRECONDITION, details: 'asked to fail' });
    else done(null, call.request);
  };
}

function see(method: string, metadata: Metadata): void {
  const text = (name: string) => String(metadata.get(name)[0] ?? '');
  const seen: SeenCall = { method, id: text('x-request-id'), caller: text('x-forwarded-client-cert') };
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

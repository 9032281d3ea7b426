/**
 * A gRPC program in a pod: `echo-client.ts ADDRESS:PORT say METHOD TEXT`, or `… talk`.
 *
 *   say    one call; prints its end as one JSON line
 *   talk   one stream for as long as it lasts: a number, its echo, the next number; prints a JSON line for each echo
 */
import { Client, credentials, type Metadata, status } from '@grpc/grpc-js';
import { bidirectional, unary } from './echo-service.ts';

/** How a call ended. */
export interface CallEnd {
  readonly status: string;
  readonly text: string;
  /** `x-coffre-decision`, wherever in the answer it stood. */
  readonly decision: string;
}

/** One echo of a stream. */
export interface Echoed {
  readonly echo: number;
}

/** Longest a call may take, in ms. */
const callMs = 10_000;
/** Between an echo and the next number, in ms. */
const pauseMs = 20;

const [address = '', act = '', method = '', text = ''] = process.argv.slice(2);
const client = new Client(address, credentials.createInsecure(), { 'grpc.service_config_disable_resolution': 1 });
if (act === 'talk') talk();
else say();

function say(): void {
  const { path, requestSerialize, responseDeserialize } = unary(method);
  let decision = '';
  const take = (metadata: Metadata) => {
    decision ||= String(metadata.get('x-coffre-decision')[0] ?? '');
  };
  let end: Omit<CallEnd, 'decision'> = { status: 'OK', text: '' };
  const call = client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    Buffer.from(text),
    { deadline: Date.now() + callMs },
    (error, answer) => {
      if (error !== null) take(error.metadata);
      end = { status: status[error?.code ?? status.OK], text: error?.details ?? answer?.toString() ?? '' };
    },
  );
  call.on('metadata', take);
  call.on('status', ({ metadata }) => {
    take(metadata);
    // After the callback, whichever of the two comes first.
    setImmediate(() => {
      tell({ ...end, decision } satisfies CallEnd);
      client.close();
    });
  });
}

function talk(): void {
  const { path, requestSerialize, responseDeserialize } = bidirectional('Talk');
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  call.on('data', (bytes: Buffer) => {
    const echo = Number(bytes);
    tell({ echo } satisfies Echoed);
    setTimeout(() => call.write(Buffer.from(String(echo + 1))), pauseMs);
  });
  call.on('error', (error) => {
    process.stdout.write(`ended ${error.message}\n`);
    process.exitCode = 1;
    client.close();
  });
  call.write(Buffer.from('1'));
}

function tell(line: CallEnd | Echoed): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

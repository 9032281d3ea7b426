/**
 * One discovery stream as a client sees it, over a real socket: messages out and in, and the status that ended it.
 * Whatever is awaited is awaited for a bounded time: a server that says nothing fails the case, not the run.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type ChannelCredentials, Client, credentials, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { answerWaitMs } from './settings.ts';

export type ProtocolName = 'sotw' | 'delta';

export interface Door {
  readonly address: string;
  /** Default: plaintext. */
  readonly credentials?: ChannelCredentials;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default: the aggregated one. */
  readonly service?: string;
  /** Method of that service, where it is not the aggregated one. */
  readonly method?: string;
}

const aggregated = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

class AdsStream<Req extends DescMessage, Res extends DescMessage> {
  readonly #client: Client;
  readonly #requestSchema: Req;
  readonly #call;
  readonly #received: MessageShape<Res>[] = [];
  readonly #ended: Promise<StatusObject>;
  #arrived: () => void = () => undefined;

  constructor(door: Door, method: string, requestSchema: Req, responseSchema: Res) {
    const { address, metadata = {}, service = aggregated } = door;
    this.#client = new Client(address, door.credentials ?? credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.ssl_target_name_override': 'coffre.mesh.coffre',
    });
    this.#requestSchema = requestSchema;
    const same = (bytes: Buffer) => bytes;
    const path = `/${service}/${door.method ?? method}`;
    this.#call = this.#client.makeBidiStreamRequest(path, same, same, Metadata.fromHttp2Headers(metadata));
    this.#call.on('data', (bytes: Buffer) => {
      this.#received.push(fromBinary(responseSchema, bytes));
      this.#arrived();
    });
    this.#call.on('error', () => undefined);
    this.#ended = new Promise((resolve) => this.#call.on('status', resolve));
  }

  send(init: MessageInitShape<Req>): void {
    this.sendBytes(toBinary(this.#requestSchema, create(this.#requestSchema, init)));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#call.write(Buffer.from(bytes));
  }

  /** @throws where the stream ends first, or nothing comes. */
  next(): Promise<MessageShape<Res>> {
    const response = (async () => {
      for (;;) {
        const first = this.#received.shift();
        if (first !== undefined) return first;
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
      }
    })();
    const ended = this.#ended.then(({ code, details }): never => {
      throw new Error(`the stream ended with ${status[code]} ${details} while a response was awaited`);
    });
    return inTime(Promise.race([response, ended]), 'no response came');
  }

  /** Name and text of the status that ended the stream. */
  async status(): Promise<{ readonly code: string; readonly details: string }> {
    const { code, details } = await inTime(this.#ended, 'the stream was not ended');
    return { code: status[code], details };
  }

  halfClose(): void {
    this.#call.end();
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}

export function openSotw(door: Door) {
  return new AdsStream(door, 'StreamAggregatedResources', DiscoveryRequestSchema, DiscoveryResponseSchema);
}

export function openDelta(door: Door) {
  return new AdsStream(door, 'DeltaAggregatedResources', DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema);
}

/** In how many slices a wait is counted. */
const waitSlices = 20;

/**
 * One timer would not do: in a process that was held up for longer than the wait, timers run before sockets are read, and
 * the answer that lies in the socket would come too late. Between two slices the sockets have their turn.
 */
async function inTime<T>(awaited: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const wait = (slicesLeft: number) => {
      if (slicesLeft === 0) reject(new Error(`${otherwise} within ${answerWaitMs} ms`));
      else timer = setTimeout(wait, answerWaitMs / waitSlices, slicesLeft - 1);
    };
    wait(waitSlices);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}

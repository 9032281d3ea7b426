/** One ADS stream as a client sees it: requests out, responses and the final status in, over a real socket. */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from '@grpc/grpc-js';

const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

export class GrpcStream<Req extends DescMessage, Res extends DescMessage> {
  private readonly client: Client;
  private readonly requestSchema: Req;
  private readonly responseSchema: Res;
  readonly call: ClientDuplexStream<Buffer, Buffer>;
  private readonly received: MessageShape<Res>[] = [];
  private readonly waiting: ((response: MessageShape<Res>) => void)[] = [];
  readonly status: Promise<StatusObject>;

  constructor(address: string, method: string, requestSchema: Req, responseSchema: Res, headers = {}) {
    this.client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    this.requestSchema = requestSchema;
    this.responseSchema = responseSchema;
    const same = (bytes: Buffer) => bytes;
    const metadata = Metadata.fromHttp2Headers(headers);
    this.call = this.client.makeBidiStreamRequest(`${service}/${method}`, same, same, metadata);
    this.call.on('data', (bytes: Buffer) => this.take(fromBinary(this.responseSchema, bytes)));
    this.call.on('error', () => undefined);
    this.status = new Promise((resolve) => this.call.on('status', resolve));
  }

  private take(response: MessageShape<Res>): void {
    const waiter = this.waiting.shift();
    if (waiter === undefined) this.received.push(response);
    else waiter(response);
  }

  send(init: MessageInitShape<Req>): void {
    this.sendBytes(toBinary(this.requestSchema, create(this.requestSchema, init)));
  }

  sendBytes(bytes: Uint8Array): void {
    this.call.write(Buffer.from(bytes));
  }

  next(): Promise<MessageShape<Res>> {
    const first = this.received.shift();
    if (first !== undefined) return Promise.resolve(first);
    const response = new Promise<MessageShape<Res>>((resolve) => this.waiting.push(resolve));
    const ended = this.status.then(({ code, details }): never => {
      throw new Error(`stream ended while a response was awaited: ${code} ${details}`);
    });
    return Promise.race([response, ended]);
  }

  close(): void {
    this.call.cancel();
    this.client.close();
  }
}

/**
 * The way to the leader: mutual TLS, under the name that only a control plane's own CA can write.
 *
 * Each stream and each question has a connection of its own, with the certificate of that moment: there are few.
 */
import { create } from '@bufbuild/protobuf';
import { type Command, Peers, QuestionSchema, type Report } from '#gen/coffre/peers/v1/peers_pb.js';
import { createGrpcClient, type GrpcClientOptions } from '../grpc/grpc-client.ts';
import { grpcStream } from './grpc-stream.io.ts';
import { answerMs } from './limits.ts';
import type { PeerHearing, PeerStream } from './peer-stream.ts';

/** Undefined while this replica has no certificate of its own yet. */
export type PeerCredentials = () => Required<Omit<GrpcClientOptions, 'address'>> | undefined;

export class PeersClient {
  readonly #credentials: PeerCredentials;

  constructor(credentials: PeerCredentials) {
    this.#credentials = credentials;
  }

  connect(address: string, hearing: PeerHearing<Command>): PeerStream<Report> {
    const credentials = this.#credentials();
    if (credentials === undefined) return unready(hearing);
    const client = createGrpcClient({ address, ...credentials });
    const call = client.stream(Peers.method.follow);
    const hang = () => {
      call.cancel();
      client.close();
    };
    return grpcStream<Report, Command>(call, hang, () => hearing);
  }

  /** @returns undefined where there is no answer. */
  async ask(address: string, json: Uint8Array): Promise<Uint8Array | undefined> {
    const credentials = this.#credentials();
    if (credentials === undefined) return undefined;
    const client = createGrpcClient({ address, ...credentials });
    try {
      const question = create(QuestionSchema, { json });
      return (await client.unary(Peers.method.ask, question, { deadlineMs: answerMs })).json;
    } catch {
      return undefined;
    } finally {
      client.close();
    }
  }
}

function unready(hearing: PeerHearing<Command>): PeerStream<Report> {
  const closed = setTimeout(() => hearing.closed('this replica has no certificate of its own yet'), 0);
  return { unsent: 0, send: () => undefined, end: () => clearTimeout(closed) };
}

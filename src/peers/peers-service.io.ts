/**
 * Where followers are heard: under mutual TLS, and under one name.
 *
 *   call ──certificate of a control plane?──▶ a stream of reports in, of commands out; or a question
 *
 * Every workload has a certificate of the same root and is refused: only a control plane bears the name that is asked
 * for, which no tenant's CA can write.
 */
import { create } from '@bufbuild/protobuf';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { AnswerSchema, type Command, Peers, type Report } from '#gen/coffre/peers/v1/peers_pb.js';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { type Peer, peerOf } from '../grpc/peer.ts';
import { grpcStream } from './grpc-stream.io.ts';
import type { PeerHearing, PeerStream } from './peer-stream.ts';

export interface PeersServicePorts {
  /** SPIFFE ID of a control plane. */
  readonly spiffeId: string;
  readonly clock: { nowMs(): number; setTimer(afterMs: number, run: () => void): () => void };
  take(stream: PeerStream<Command>): PeerHearing<Report>;
  /** JSON, in and out. A rejection is told as a failure, and no more of it. */
  answer(question: Uint8Array): Promise<Uint8Array>;
  /** Somebody else came. Must not throw. */
  refused(address: string, why: string): void;
}

/** Longest timer that `setTimeout` keeps, in ms. Source: Node's documentation of timers. */
const timerMsMax = 2_147_483_647;

export function addPeersService(server: Pick<GrpcServer, 'addService'>, ports: PeersServicePorts): void {
  const { spiffeId, clock, take, answer } = ports;

  /** @returns why the caller is nobody here. */
  function objection(peer: Peer): string | undefined {
    if (peer.kind === 'none') return 'it showed no certificate';
    if (peer.spiffeUris.length !== 1 || peer.spiffeUris[0] !== spiffeId) {
      return `\`${peer.spiffeUris.join(', ')}\` is no control plane`;
    }
    return peer.notAfterMs > clock.nowMs() ? undefined : 'its certificate has ended';
  }

  function refuse(address: string, why: string) {
    ports.refused(address, why);
    return { code: status.PERMISSION_DENIED, details: 'for control planes only' };
  }

  function follow(call: ServerDuplexStream<Report, Command>): void {
    const peer = peerOf(call);
    const why = objection(peer);
    if (why !== undefined || peer.kind === 'none') {
      call.emit('error', refuse(call.getPeer(), why ?? ''));
      return;
    }
    let cancelEnd = () => {};
    const hang = (why: string) => {
      cancelEnd();
      // This is how grpc-js ends a stream with a status.
      call.emit('error', { code: status.UNAVAILABLE, details: why });
    };
    const stream = grpcStream<Command, Report>(call, hang, take);
    const leftMs = Math.min(peer.notAfterMs - clock.nowMs(), timerMsMax);
    cancelEnd = clock.setTimer(leftMs, () => stream.end('the certificate of the follower has ended'));
  }

  server.addService(
    Peers,
    {},
    {
      follow,
      ask(call, reply) {
        const why = objection(peerOf(call));
        if (why !== undefined) {
          reply(refuse(call.getPeer(), why));
          return;
        }
        answer(call.request.json).then(
          (json) => reply(null, create(AnswerSchema, { json })),
          () => reply({ code: status.INTERNAL, details: 'the answer failed' }),
        );
      },
    },
  );
}

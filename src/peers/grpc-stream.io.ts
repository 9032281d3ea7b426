/** One end of a stream over gRPC: what waits to be taken is counted, and an end is told once. */

import { unsentMax } from './limits.ts';
import type { PeerHearing, PeerStream } from './peer-stream.ts';

/** What either side of a gRPC stream can do. */
interface Duplex<Sent, Heard> {
  write(message: Sent, taken: () => void): unknown;
  on(event: 'data', listener: (message: Heard) => void): unknown;
  on(event: 'end' | 'cancelled', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * @param hang ends the call, with the reason where there is a way to tell it.
 * @param open is given this end, and listens to the other from then on.
 */
export function grpcStream<Sent, Heard>(
  duplex: Duplex<Sent, Heard>,
  hang: (why: string) => void,
  open: (stream: PeerStream<Sent>) => PeerHearing<Heard>,
): PeerStream<Sent> {
  let unsent = 0;
  let isOver = false;
  const stream: PeerStream<Sent> = {
    get unsent() {
      return unsent;
    },
    send(message) {
      if (isOver) return;
      if (unsent >= unsentMax) {
        stream.end('the other side takes nothing');
        return hearing.closed('the other side takes nothing');
      }
      unsent += 1;
      duplex.write(message, () => {
        unsent -= 1;
      });
    },
    end(why) {
      if (isOver) return;
      isOver = true;
      hang(why);
    },
  };
  const closed = (why: string) => {
    if (isOver) return;
    isOver = true;
    hang(why);
    hearing.closed(why);
  };
  const hearing = open(stream);
  duplex.on('data', (message) => {
    if (!isOver) hearing.heard(message);
  });
  duplex.on('end', () => closed('the other side ended the stream'));
  duplex.on('cancelled', () => closed('the other side cut the stream'));
  duplex.on('error', ({ message }) => closed(message));
  return stream;
}

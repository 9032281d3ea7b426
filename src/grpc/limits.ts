/** Bounds of every gRPC server and client of ours, in one place. */

/** Silence after which the other side is asked whether it lives, in ms, and how long it may take to answer. */
export const keepaliveTimeMs = 30_000;
export const keepaliveTimeoutMs = 10_000;

/** Largest message taken in, in bytes. A request of Envoy is a few kilobytes; this is gRPC's own default, said aloud. */
export const receiveMessageBytesMax = 4 * 1024 * 1024;

/** Largest message a client of ours takes in, in bytes: a whole policy program, not a request. */
export const clientReceiveMessageBytesMax = 64 * 1024 * 1024;

/** Streams on one connection. ADS needs one a proxy; ext_authz has one for each request in flight, and Envoy opens a second connection beyond this. */
export const concurrentStreamsMax = 1_000;

/** Header block of one call, in bytes: a token is at most 4 KiB. */
export const headerListBytesMax = 16 * 1024;

/** Header lines of one call to a lean server. Envoy sends a dozen, and what `initial_metadata` adds. */
export const headerPairsMax = 128;

/** Streams that a client may reset at once, and in a second thereafter, before its connection ends. Source: nghttp2's own defaults. */
export const resetsAtOnceMax = 1_000;
export const resetsPerSecondMax = 33;

/**
 * Frames that bring no call further (PING, SETTINGS, WINDOW_UPDATE and the like) on a connection to a lean server, at once and in a
 * second thereafter. grpc-go measures the way with a PING and widens a window for each answer or so; a core reads a million of them.
 */
export const idleFramesAtOnceMax = 20_000;
export const idleFramesPerSecondMax = 20_000;

/** Bytes that may wait for one watcher who takes nothing, on a lean server. */
export const watchPendingBytesMax = 16 * 1024;

/** Bytes that may wait for a client of a lean server to read them, before nothing more is read from it. */
export const unsentBytesMax = 1024 * 1024;

/** Writes that may wait so, of however few bytes: each costs some hundred beside its own. */
export const unsentWritesMax = 1_024;

/** Longest wait of an answer of a lean server for its client to widen the windows of HTTP/2, in ms. */
export const stallMsMax = 30_000;

/** Longest wait for a client of a lean server to take what was said last, in ms. */
export const lastWordsMs = 2_000;

/** Bytes of messages that are not whole yet, on one connection to a lean server: its window, so who has sent them must wait. */
export const partialBytesMax = 8 * 1024 * 1024;

/** Longest wait for a whole message of who names no deadline, in ms. */
export const messageWaitMs = 10_000;

/** The same of who names a deadline, be it in a year, in ms. */
export const messageWaitMsMax = 60_000;

/** How often connections of a lean server are looked at, in ms: their age, their silence, and calls without an end. */
export const sessionTickMs = 1_000;

/** A TLS handshake that takes longer, in ms from its own beginning, is closed: before it, a peer is nobody and gets no patience. */
export const handshakeTimeoutMs = 5_000;

/** Who waits for a handshake, how many do, and for how long. A turn is `turnMs`, or longer while the process is busy. */
export interface HandshakeLimits {
  /** Handshakes that go on at once. One costs half a millisecond here and a round trip there: that many fill a core, and no more help. */
  readonly atOnceMax: number;
  /** Connections that have spoken and wait for their turn; who comes later is cut, and tries again. */
  readonly waitingMax: number;
  /** Connections that have said nothing; for a further one the oldest is cut. */
  readonly silentMax: number;
  readonly turnMs: number;
  /** Turns that a connection may be silent, and may stand in line. */
  readonly silentTurns: number;
  readonly waitingTurns: number;
  /** Turns after which a handshake loses its place to who waits for one: two seconds, since a client on a busy machine is slow too. */
  readonly patienceTurns: number;
}

export const handshakeLimits: HandshakeLimits = {
  atOnceMax: 64,
  waitingMax: 8_192,
  silentMax: 4_096,
  turnMs: 250,
  silentTurns: 20,
  waitingTurns: 80,
  patienceTurns: 8,
};

/** Longest first piece of a connection, in bytes: a TLS record. A ClientHello has under 2 kB. */
export const clientHelloBytesMax = 16_384 + 5;

/** Connections that wait in the kernel to be accepted; it may allow fewer (`net.core.somaxconn`). */
export const acceptBacklog = 4_096;

/** Age at which a connection is asked to leave, in ms; gRPC spreads it by a tenth either way. Credentials are checked anew by the next one. */
export const connectionAgeMaxMs = 3_600_000;

/** How long calls may still run on a connection that was asked to leave, in ms. */
export const connectionAgeGraceMs = 30_000;

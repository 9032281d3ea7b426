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

/** A TLS handshake that takes longer, in ms, is closed: before it, a peer is nobody and gets no patience. */
export const handshakeTimeoutMs = 5_000;

/** Age at which a connection is asked to leave, in ms; gRPC spreads it by a tenth either way. Credentials are checked anew by the next one. */
export const connectionAgeMaxMs = 3_600_000;

/** How long calls may still run on a connection that was asked to leave, in ms. */
export const connectionAgeGraceMs = 30_000;

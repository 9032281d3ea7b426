/** What one client may cost. A client that wants more is refused or not heard; nothing here is ever approached by a well one. */

/** Longest request, in bytes, encoded; a longer one ends the stream with RESOURCE_EXHAUSTED. Source: the default of every gRPC library. */
export const requestBytesMax = 4 * 1024 * 1024;

/** Most names one stream may subscribe to in one type; more ends the stream with RESOURCE_EXHAUSTED. A mesh of 10 000 services fits. */
export const namesPerTypeMax = 20_000;

/**
 * Most UTF-16 units that the names one stream subscribes to, and the names and versions it says it holds, may have
 * together; more ends the stream with RESOURCE_EXHAUSTED. They stay in memory for as long as the stream does; 100 000
 * names of 80 letters fit.
 */
export const nameUnitsPerStreamMax = 8 * 1024 * 1024;

/** Longest type URL, in UTF-16 units; a longer one ends the stream with INVALID_ARGUMENT. Envoy's own have fewer than 100. */
export const typeUrlUnitsMax = 512;

/** Longest node id and longest node cluster, in UTF-16 units; a longer one ends the stream with INVALID_ARGUMENT. */
export const nodeNameUnitsMax = 1_024;

/** Longest nonce that is read of a request, in UTF-16 units; the rest is cut off, and it is nobody's nonce then. */
export const nonceUnitsMax = 64;

/** Most client features of a node that are read, and the longest of them in UTF-16 units. Envoy has fewer than 10. */
export const clientFeatures = { max: 64, unitsMax: 256 } as const;

/** How many requests of one stream, and how many bytes of them, are taken before the other streams have their turn. */
export const requestsPerTurn = 16;
export const requestBytesPerTurn = 256 * 1024;

/** Most types one stream may ask for, known or not; requests for further ones are ignored and reported. Envoy has fewer than 20. */
export const typesPerStreamMax = 32;

/** Most streams at once with one client key; the next is refused with RESOURCE_EXHAUSTED. A hot restart needs two. */
export const streamsPerClientMax = 8;

/** Longest an update waits for the ACK of the type before it, in ms. Longer delays a roll-out behind a silent proxy; shorter risks a route before its cluster. */
export const ackWaitMs = 2_000;

/** Most absent secrets of one stream that the operator is told of, and the longest name in UTF-16 units; the rest is cut off. */
export const absentNames = { max: 64, unitsMax: 256 } as const;

/** Most that is written to a connection at once, in bytes: its TLS keeps a buffer of the most that ever was. */
export const writeBytesMax = 8 * 1024;

/** Longest a written response may lie in our buffers before the stream is ended, in ms. */
export const writeStallMs = 30_000;

/** Longest between the opening of a stream and the admission of its client, in ms: first request and authentication. */
export const admissionWaitMs = 15_000;

/** Between two judgements of a client whose stream is open, in ms; the first comes after half of it to all of it. What is revoked loses its stream within a minute. */
export const recheckMs = 30_000;

/** Oldest a stream grows, in ms, and the share of that by which keys spread it. An older one ends with UNAVAILABLE: its client comes back with new credentials and is told only what changed. */
export const streamAge = { maxMs: 1_800_000, jitter: 0.25 } as const;

/** Clients that get their first configuration at once; further ones stand in line. */
export const admissionsAtOnceMax = 32;

/** Longest line of clients before the gate; who comes later is UNAVAILABLE and tries again. */
export const admissionsWaitingMax = 10_000;

/** Longest a client stands in line before it is UNAVAILABLE, in ms. */
export const admissionLineMs = 30_000;

/** Longest a client counts as getting its first configuration, in ms: who is slow to take it does not keep the others waiting. */
export const admissionSlotMs = 2_000;

/** Bytes of responses that are kept for the next stream that is told the same; beyond it the oldest is written anew. */
export const sharedBodyBytesMax = 4 * 1024 * 1024;

/** Share of its TTL after which a resource gets its next heartbeat: two may be lost before the client drops it. */
export const heartbeatShare = 0.3;

/** Longest error text of a NACK that is kept and shown, in UTF-16 units: it is written by a peer. */
export const nackMessageMax = 2_000;

/** Longest timer that `setTimeout` keeps, in ms; a longer one fires at once. Source: Node's documentation of timers. */
export const timerMsMax = 2_147_483_647;

/** What one client may cost. A client that wants more is refused or not heard; nothing here is ever approached by a well one. */

/** Longest request, in bytes, encoded; a longer one ends the stream with RESOURCE_EXHAUSTED. Source: the default of every gRPC library. */
export const requestBytesMax = 4 * 1024 * 1024;

/** Most names one stream may subscribe to in one type; more ends the stream with RESOURCE_EXHAUSTED. A mesh of 10 000 services fits. */
export const namesPerTypeMax = 20_000;

/** Most types one stream may ask for, known or not; requests for further ones are ignored and reported. Envoy has fewer than 20. */
export const typesPerStreamMax = 32;

/** Most streams at once with one client key; the next is refused with RESOURCE_EXHAUSTED. A hot restart needs two. */
export const streamsPerClientMax = 8;

/** Longest an update waits for the ACK of the type before it, in ms. Longer delays a roll-out behind a silent proxy; shorter risks a route before its cluster. */
export const ackWaitMs = 2_000;

/** Longest a written response may lie in our buffers before the stream is ended, in ms. */
export const writeStallMs = 30_000;

/** Longest between the opening of a stream and the admission of its client, in ms: first request and authentication. */
export const admissionWaitMs = 15_000;

/** Share of its TTL after which a resource gets its next heartbeat: two may be lost before the client drops it. */
export const heartbeatShare = 0.3;

/** Longest error text of a NACK that is kept and shown, in UTF-16 units: it is written by a peer. */
export const nackMessageMax = 2_000;

/** Longest timer that `setTimeout` keeps, in ms; a longer one fires at once. Source: Node's documentation of timers. */
export const timerMsMax = 2_147_483_647;

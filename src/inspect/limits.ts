/** Bounds of what the control plane asks its proxies for, and takes from them. A proxy may be anybody's by now. */

/** Longest answer that is read, in bytes: the dump of a proxy that may dial a thousand services, and room. */
export const answerBytesMax = 32 * 1_024 * 1_024;
/** Longest wait for a connection with its handshake, and for an answer, in ms. */
export const connectMs = 2_000;
export const answerMs = 10_000;
/** How long a connection is kept for the next question, in ms: a drill asks every second. */
export const keepAliveMs = 30_000;
/** Proxies whose connections are kept; beyond them the one that was asked longest ago is let go. */
export const clientsMax = 256;
/** TLS contexts that are kept, one for each tenant that was asked last. */
export const contextsMax = 256;
/** Questions under way at a time, and those that wait for their turn: a cell of proxies, asked at once. */
export const readsMax = 32;
export const waitingReadsMax = 10_000;

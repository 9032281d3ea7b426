/** Bounds of what may be asked about clients. */

/** Longest request, in bytes: matchers for a handful of nodes. */
export const statusRequestBytesMax = 64 * 1_024;
/** Matchers of one request, any of which lets a node in. */
export const nodeMatchersMax = 64;
/** Status streams open at a time. Each is a person's tool. */
export const statusStreamsMax = 32;

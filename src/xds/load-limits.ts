/** What load reporting may cost, on our side and on that of the proxies. */

/** Between two reports of a proxy that is watched, in ms: half of what an abort may take is spent before it is seen. */
export const loadIntervalMs = 1_000;

/** What a proxy is told that is watched no more, in ms. It cannot be told to stop, only to say nothing, seldom. */
export const loadIdleIntervalMs = 3_600_000;

/** Largest report, in bytes; a longer one is dropped. Envoy repeats its whole node, 60 kB of extension names, in each. */
export const loadReportBytesMax = 256 * 1_024;

/** Most clusters watched at one proxy; one drill needs one. */
export const watchedClustersMax = 64;

/** Most streams at once of one proxy: a hot restart needs two, and one that was cut may not have been noticed yet. */
export const loadStreamsPerClientMax = 4;

/** Longest that a caller waits to be known, in ms. */
export const loadAdmissionWaitMs = 15_000;

/** Bounds of the ext_authz server, in one place. A request beyond one of them is refused, never trimmed to fit. */

export interface CheckLimits {
  /** Largest CheckRequest, in bytes. */
  readonly messageBytesMax: number;
  /** Most header lines of one request, pseudo-headers included. */
  readonly headersMax: number;
  /** Checks one connection may ask for in a second, on average; more is answered UNAVAILABLE. */
  readonly checksPerSecondMax: number;
  /** Checks one connection may ask for at once after a silence. */
  readonly checksBurstMax: number;
}

/** Twice what Envoy takes in by default: 60 KiB of headers (`max_request_headers_kb`), 100 lines (`max_headers_count`). */
export const defaultCheckLimits: CheckLimits = {
  messageBytesMax: 128 * 1024,
  headersMax: 200,
  checksPerSecondMax: 30_000,
  checksBurstMax: 7_500,
};

/** Most entries of `context_extensions`; the operator wrote them, so a handful is usual. */
export const contextExtensionsMax = 64;

/** Connections whose budget is remembered. Beyond it the one that began first starts anew. */
export const peersMax = 4_096;

/** Longest decision id, in characters: a UUID has 36. */
export const idLengthMax = 64;

/** Longest method, in characters. The longest registered one, UPDATEREDIRECTREF, has 17. */
export const methodLengthMax = 32;

/** Longest path written to a decision record, in characters; the judge always sees the whole. */
export const recordedPathLengthMax = 256;

/** Longest reason told to a caller, in characters. */
export const publicTextLengthMax = 1_024;

/** Longest rule, reason or revision told to a proxy, in characters. */
export const factLengthMax = 512;

/** Different answers of one kind that are kept encoded: at some hundred bytes, and 7 kB at the very most. Beyond it all are made anew. */
export const answerFormsMax = 4_096;

/** Health watchers at one time, over all connections. */
export const healthWatchersMax = 64;

/** Longest wait for a judge that answers later, in ms; then there is no verdict. Below the 200 ms after which our proxies ask another. */
export const verdictWaitMaxMs = 150;

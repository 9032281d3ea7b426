/**
 * What the environment says of a run of the suite. Nothing set: our own server, each case once.
 *
 *   COFFRE_XDS_UNDER_TEST       address of another xDS server, `host:port`, plaintext
 *   COFFRE_XDS_ADAPTER          base URL of its adapter, `http://host:port`
 *   COFFRE_CONFORMANCE_REPEAT   rounds of each case; more than one is the long form
 *   COFFRE_CONFORMANCE_RESULTS  file to which one JSON line per case and variant is added
 *   COFFRE_CONFORMANCE_WAIT_MS  longest wait for an answer that must come
 */

function numberOf(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`\`${name}\` is \`${text}\`, which is no positive integer`);
  return value;
}

export const rounds = numberOf('COFFRE_CONFORMANCE_REPEAT', 1);
export const longForm = rounds > 1;
/** Chosen, checked and printed by the test configuration. */
export const seed = Number(process.env['COFFRE_SEED']);
/** It catches what does not come, and judges no speed: on a loaded machine an answer takes its time. */
export const answerWaitMs = numberOf('COFFRE_CONFORMANCE_WAIT_MS', 20_000);
export const resultsFile = process.env['COFFRE_CONFORMANCE_RESULTS'];

export interface ForeignServer {
  readonly address: string;
  readonly adapter: string;
}

export const foreignServer: ForeignServer | undefined = (() => {
  const address = process.env['COFFRE_XDS_UNDER_TEST'];
  const adapter = process.env['COFFRE_XDS_ADAPTER'];
  if (address === undefined && adapter === undefined) return undefined;
  if (address === undefined || adapter === undefined)
    throw new Error('COFFRE_XDS_UNDER_TEST and COFFRE_XDS_ADAPTER name one server together: one of them is missing');
  return { address, adapter };
})();

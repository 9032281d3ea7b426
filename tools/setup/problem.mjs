/**
 * What is wrong with this machine, as data, and the one sentence that is printed about it.
 *
 *   facts ──platformProblems, packageProblems──▶ Problem[] ──sentence──▶ standard error
 *
 * A `stop` ends the set-up; a `note` is said once and the set-up goes on, because only some tests need the thing
 * and they skip themselves by name.
 *
 * @typedef {object} Problem
 * @property {string} id stable name, for tests
 * @property {'stop' | 'note'} severity
 * @property {string} what what was found, user text in backticks
 * @property {string} why why it matters
 * @property {string} cure the line to type, or what to get
 */

/**
 * @param {Problem} problem
 * @returns {string} one line without a full stop
 */
export function sentence({ what, why, cure }) {
  return `${what}: ${why}; ${cure}`;
}

/** Ends the set-up with a sentence instead of a stack trace. */
export class SetupError extends Error {
  /** @param {readonly Problem[]} problems at least one */
  constructor(problems) {
    super(problems.map(sentence).join('\n'));
    this.name = 'SetupError';
    this.problems = problems;
  }
}

/**
 * One line a step on standard error; standard output belongs to the script that runs after the set-up.
 */

/**
 * @param {{ quiet: boolean }} options
 */
export function createProgress({ quiet }) {
  const write = (text) => {
    if (!quiet) process.stderr.write(text);
  };
  return {
    /** @param {string} text a line about something that takes no time */
    line: (text) => write(`set-up: ${text}\n`),
    /** Failures are never quiet. */
    failure: (text) => {
      process.stderr.write(`set-up: ${text}\n`);
    },
    /**
     * @template T
     * @param {string} name
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async step(name, work) {
      const startedMs = Date.now();
      write(`set-up: ${name} … `);
      try {
        const result = await work();
        write(`${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`);
        return result;
      } catch (error) {
        write('failed\n');
        throw error;
      }
    },
  };
}

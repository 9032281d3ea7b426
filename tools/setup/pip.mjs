/** pip, told to install what a list of requirements pins by hash, as wheels, and nothing else. */
import { runQuietly } from './run-quietly.mjs';

const flags = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '--no-input', '--disable-pip-version-check'];

/**
 * @param {string} python
 * @param {string} requirements path of the list
 * @param {string} target folder that is not there yet: pip leaves an old one as it is
 * @returns {ReturnType<typeof runQuietly>}
 */
export function pipInstall(python, requirements, target) {
  return runQuietly(python, ['-m', 'pip', 'install', ...flags, '--target', target, '-r', requirements]);
}

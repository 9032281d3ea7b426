/** The sealing key of a state folder, where it lies outside of it. */
import { Option } from 'commander';

export function keyFileOption(): Option {
  return new Option('--state-key-file <file>', 'the sealing key, where it is kept outside the state folder').env(
    'COFFRE_STATE_KEY_FILE',
  );
}

import { Option } from 'commander';

/** `-o`. A format that is not known is misuse: as text it would break the script that asked for it. */
export function outputOption(description = 'how it is printed'): Option {
  return new Option('-o, --output <format>', description).choices(['text', 'json']).default('text');
}

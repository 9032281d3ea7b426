/** `coffre backup` and `coffre restore`: the certificate authority into one file, and back. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type BackupResult, backup, type KeyCustody, passphraseLengthMin, restore } from '../admin/backup.ts';
import { CliFailure } from './cli-failure.ts';
import { stateOption } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { keyFileOption } from './key-file-option.ts';
import type { Terminal } from './terminal.ts';

interface CustodyOptions {
  readonly state: string;
  readonly stateKeyFile?: string;
  readonly passphraseFile?: string;
  readonly keyInTheClear?: true;
}

export function addBackupCommands(program: Command, terminal: Terminal): void {
  withCustody(program.command('backup'))
    .description('write the certificate authority into one file; the control plane may run meanwhile')
    .requiredOption('--out <file>', 'the archive; replaced whole or not at all')
    .option('--key-in-the-clear', 'put the sealing key into the archive as it is: whoever reads it is the mesh')
    .action(async (options: CustodyOptions & { out: string }) => {
      const custody = await custodyOf(options);
      if (custody === undefined) {
        throw new CliFailure(
          exitCode.misuse,
          'the sealing key lies in the state folder: without it the backup is useless, and beside it unsealed',
          'give `--passphrase-file FILE` (the better way), `--state-key-file FILE` or `--key-in-the-clear`',
        );
      }
      const { records } = done(
        await backup({ stateFolder: resolve(options.state), file: resolve(options.out), custody }),
      );
      const key = options.passphraseFile === undefined ? '' : ` --passphrase-file ${options.passphraseFile}`;
      terminal.out(
        `${records} records in ${options.out}; try it: coffre restore ${options.out} --state SOMEWHERE${key}\n`,
      );
    });
  withCustody(program.command('restore'))
    .description('make a state folder out of a backup; the same root, and no proxy sees anything new')
    .argument('<file>', 'the archive')
    .action(async (file: string, options: CustodyOptions) => {
      const custody = (await custodyOf(options)) ?? { kind: 'clear' };
      const { records } = done(await restore({ file: resolve(file), stateFolder: resolve(options.state), custody }));
      terminal.out(`${records} records in ${options.state}; start the control plane on it\n`);
    });
}

function withCustody(command: Command): Command {
  return command
    .addOption(stateOption())
    .addOption(keyFileOption().conflicts(['passphraseFile', 'keyInTheClear']))
    .addOption(
      new Option('--passphrase-file <file>', 'its first line seals the key inside the archive').conflicts(
        'keyInTheClear',
      ),
    );
}

async function custodyOf(options: CustodyOptions): Promise<KeyCustody | undefined> {
  const { stateKeyFile, passphraseFile, keyInTheClear } = options;
  if (stateKeyFile !== undefined) return { kind: 'elsewhere', keyFile: resolve(stateKeyFile) };
  if (keyInTheClear === true) return { kind: 'clear' };
  if (passphraseFile === undefined) return undefined;
  const [passphrase = ''] = (await readFile(passphraseFile, 'utf8')).split('\n');
  if (passphrase.length >= passphraseLengthMin) return { kind: 'passphrase', passphrase };
  throw new CliFailure(
    exitCode.misuse,
    `the passphrase in \`${passphraseFile}\` is shorter than ${passphraseLengthMin} characters`,
    'an archive may be attacked at leisure: take several words',
  );
}

function done(result: BackupResult): Extract<BackupResult, { kind: 'done' }> {
  if (result.kind === 'done') return result;
  throw new CliFailure(exitCode.no, result.message, result.advice);
}

/** `coffre admin issue`: a certificate for a person, from the state folder itself; whoever can read it is the mesh. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { openPeopleAuthority, personLifetimeMs, personLifetimeMsMax } from '../admin/people-authority.ts';
import { formatPerson, ownerName, parsePerson, type Role, roles, type Scope } from '../admin/person.ts';
import { writePersonFolder } from '../admin/person-folder.ts';
import { parseDurationMs } from '../model/duration.ts';
import { CliFailure } from './cli-failure.ts';
import { stateOption } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { keyFileOption } from './key-file-option.ts';
import type { Terminal } from './terminal.ts';

interface IssueOptions {
  readonly state: string;
  readonly stateKeyFile?: string;
  readonly role: Role;
  readonly tenant?: string;
  readonly mesh?: true;
  readonly name: string;
  readonly out: string;
  readonly valid: string;
}

export function addAdminCommand(program: Command, terminal: Terminal): void {
  const admin = program.command('admin').description('who may use the management door');
  admin
    .command('issue')
    .description('make a certificate for a person; it cannot be revoked, so let it be short')
    .addOption(new Option('--role <role>', 'what the person may do').choices(roles).makeOptionMandatory())
    .addOption(new Option('--tenant <tenant>', 'the one tenant that the person sees').conflicts('mesh'))
    .option('--mesh', 'the person sees every tenant')
    .requiredOption('--name <name>', 'who it is: lower case letters, digits, `.`, `_`, `-`')
    .requiredOption('--out <dir>', 'folder for certificate, key and mesh root; made if it is not there')
    .option('--valid <duration>', 'life of the certificate, such as `90m` or `12h`', `${personLifetimeMs / 3_600_000}h`)
    .addOption(stateOption())
    .addOption(keyFileOption())
    .action((options: IssueOptions) => issue(terminal, options));
}

async function issue(terminal: Terminal, options: IssueOptions): Promise<void> {
  const lifetimeMs = parseDurationMs(options.valid);
  if (lifetimeMs === undefined || lifetimeMs > personLifetimeMsMax) {
    const most = `${personLifetimeMsMax / 3_600_000}h`;
    throw new CliFailure(
      exitCode.misuse,
      `\`${options.valid}\` is no life for a certificate`,
      `write such as \`12h\`, at most \`${most}\``,
    );
  }
  const scope = scopeOf(options);
  const { stateKeyFile, role, name } = options;
  if (name === ownerName) {
    const message = `\`${ownerName}\` is what the journal calls whoever holds the state folder; nobody could tell the two apart`;
    throw new CliFailure(exitCode.misuse, message, 'choose another `--name`');
  }
  const authority = await openPeopleAuthority({
    stateFolder: resolve(options.state),
    ...(stateKeyFile === undefined ? {} : { keyFile: resolve(stateKeyFile) }),
  });
  const uri = formatPerson({ trustDomain: authority.trustDomain, role, scope, name });
  if (parsePerson(uri) === undefined) {
    throw new CliFailure(
      exitCode.misuse,
      `\`${uri}\` is no name of a person`,
      'use lower case letters, digits and `-` in `--name` and `--tenant`',
    );
  }
  const leaf = await authority.issue({ role, scope, name }, lifetimeMs);
  await writePersonFolder(resolve(options.out), leaf, authority.rootPem);
  terminal.out(
    `${uri}\nwritten to ${options.out}, good until ${new Date(leaf.notAfterMs).toISOString()}\n` +
      `${firstUse(role, options.out)}\n`,
  );
}

function firstUse(role: Role, folder: string): string {
  if (role === 'alerter') return 'have alerts posted with it to: https://ADDRESS:PORT/v1/alerts';
  if (role === 'responder') return 'have alarms posted with it to: https://ADDRESS:PORT/v1/quarantineAlarm';
  if (role === 'scraper') return 'have Prometheus read with it: https://ADDRESS:PORT/metrics/targets';
  return `try: coffre status --admin ADDRESS:PORT --as ${folder}`;
}

/** The whole mesh is never a default. */
function scopeOf({ tenant, mesh }: IssueOptions): Scope {
  if (mesh === true) return { kind: 'mesh' };
  if (tenant !== undefined) return { kind: 'tenant', tenant };
  throw new CliFailure(
    exitCode.misuse,
    'it is not said what the person sees',
    'give `--tenant NAME`, or `--mesh` for everything',
  );
}

/**
 * `coffre diff -f NEW --against OLD`: what a change of the folder changes.
 *
 *   two folders ──▶ objects that differ ──▶ resources that each proxy is told otherwise ──▶ who may call what he might not
 */
import type { Command } from 'commander';
import type { SourcedObject } from '../model/sourced-object.ts';
import { accessesOf } from '../proof/access.ts';
import { type AccessChange, accessChanges, opensATenant } from '../proof/access-changes.ts';
import { configurationChanges, type ProxyChanges } from '../proof/configuration-changes.ts';
import { ruleText } from './access-text.ts';
import { exitCode } from './exit-code.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { compileMesh, readMesh } from './read-mesh.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

/** Most lines of each of the three parts, as text; JSON has all. */
const linesMax = 200;
/** Most resources that one group of proxies names, as text. */
const resourcesMax = 12;

interface DiffOptions {
  readonly folder: string;
  readonly against: string;
  readonly output: OutputFormat;
}

interface ObjectChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly object: string;
}

export function addDiffCommand(program: Command, terminal: Terminal): void {
  program
    .command('diff')
    .description('what a new folder changes: objects, configuration of proxies, and who may call what')
    .requiredOption('-f, --folder <dir>', 'the new folder of YAML')
    .requiredOption('--against <dir>', 'the folder as it is')
    .addOption(outputOption())
    .action((options: DiffOptions) => diff(terminal, options));
}

async function diff(terminal: Terminal, { folder, against, output }: DiffOptions): Promise<void> {
  const before = await readMesh(terminal, against);
  const after = await readMesh(terminal, folder);
  const nowMs = terminal.nowMs();
  const objects = objectChanges(before.objects, after.objects);
  const proxies = configurationChanges(
    compileMesh(before.snapshot, nowMs).resources,
    compileMesh(after.snapshot, nowMs).resources,
  );
  const access = accessChanges(accessesOf(before.snapshot, nowMs), accessesOf(after.snapshot, nowMs));
  const opens = access.filter(opensATenant);
  if (opens.length > 0) terminal.setExitCode(exitCode.opened);
  if (output === 'json') {
    writeJson(terminal, { objects, proxies, access, opensTenants: opens.length });
    return;
  }
  terminal.out(
    [
      ...part(
        'objects',
        objects.map(({ kind, object }) => `${sign[kind]} ${object}`),
      ),
      ...part('proxies', proxies.map(proxiesText)),
      ...part('access', access.flatMap(accessText)),
      opens.length === 0
        ? 'no tenant is let in where it was not'
        : `${plural(opens.length, 'access', 'accesses')} of one tenant to another opened or widened`,
    ]
      .map((line) => `${printable(line)}\n`)
      .join(''),
  );
}

const sign = { added: '+', removed: '-', changed: '~', opened: '+', closed: '-' } as const;

function objectChanges(before: readonly SourcedObject[], after: readonly SourcedObject[]): readonly ObjectChange[] {
  const [old, now] = [hashes(before), hashes(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((object): readonly ObjectChange[] => {
    const [former, latest] = [old.get(object), now.get(object)];
    if (former === latest) return [];
    return [{ kind: former === undefined ? 'added' : latest === undefined ? 'removed' : 'changed', object }];
  });
}

function hashes(objects: readonly SourcedObject[]): ReadonlyMap<string, string> {
  return new Map(
    objects.map(({ ref, hash }) => [[ref.kind, ref.namespace, ref.name].filter((name) => name !== '').join('/'), hash]),
  );
}

function part(name: string, lines: readonly string[]): readonly string[] {
  const shown = lines.slice(0, linesMax).map((line) => `  ${line}`);
  const more = lines.length - shown.length;
  return [
    `${name}:${lines.length === 0 ? ' the same' : ''}`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more lines: see --output json`] : []),
  ];
}

function proxiesText({ proxies, changes }: ProxyChanges): string {
  const [first = ''] = proxies;
  const who = proxies.length === 1 ? first : `${first} and ${plural(proxies.length - 1, 'other')}`;
  const named = changes.slice(0, resourcesMax).map(({ kind, type, name }) => `${sign[kind]}${type} ${name}`);
  const more = changes.length - named.length;
  return `${who}: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function accessText(change: AccessChange): readonly string[] {
  const { kind, caller, service, port, crossTenant, looser, tighter } = change;
  const mark = opensATenant(change) ? ' (ACROSS TENANTS)' : crossTenant ? ' (across tenants)' : '';
  return [
    `${sign[kind]} ${caller} -> ${service}:${port}${mark}`,
    ...looser.map((rule) => `    looser: ${ruleText(rule)}`),
    ...tighter.map((rule) => `    tighter: ${ruleText(rule)}`),
  ];
}

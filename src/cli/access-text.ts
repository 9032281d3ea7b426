/** Accesses and rules for a person. */
import { formatSourceRef } from '../model/source-ref.ts';
import type { Access, AccessRule } from '../proof/access.ts';
import type { Through } from '../proof/reach.ts';
import { printable } from './table.ts';

export function accessLines({ caller, service, port, allow, deny }: Access): readonly string[] {
  return [
    `${caller} -> ${service}:${port}`,
    ...allow.map((rule) => `    ${ruleText(rule)}`),
    ...deny.map((rule) => `    but not ${ruleText(rule)}`),
  ].map(printable);
}

export function throughLines({ access, by }: Through): readonly string[] {
  const { caller, service, port } = access;
  return [printable(`through ${by.join(', ')}: ${service}:${port} (as ${caller})`)];
}

export function ruleText({ name, where, match, conditions, notAfterMs }: AccessRule): string {
  const { methods, paths, hosts = [], headers = [] } = match;
  const said = [
    methods.length === 0 ? 'any method' : methods.join(' '),
    paths.length === 0
      ? 'any path'
      : paths.map(({ kind, path }) => (kind === 'subtree' ? `${path}/*` : path)).join(' '),
    ...hosts.map((host) => `Host ${host.kind === 'exact' ? host.host : `*${host.suffix}`}`),
    ...headers.map((header) => `header ${header.name} ${valueOfHeader(header)}`),
    ...conditions.map((condition) => `if ${condition}`),
    ...(notAfterMs === undefined ? [] : [`until ${new Date(notAfterMs).toISOString()}`]),
  ];
  return `${said.join(', ')}: ${name} (${formatSourceRef(where)})`;
}

function valueOfHeader(header: NonNullable<AccessRule['match']['headers']>[number]): string {
  switch (header.kind) {
    case 'exact':
      return `is ${header.value}`;
    case 'prefix':
      return `begins with ${header.prefix}`;
    case 'present':
    case 'absent':
      return header.kind;
  }
}

/** The request that a question is about, as a command line states it: what it does not state is not asked. */
import type { Command } from 'commander';
import { canonicalHost } from '../authz/canonical-host.ts';
import type { Question } from '../policy/explain.ts';
import { headerLines } from '../policy/stated-request.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

export interface RequestOptions {
  readonly method: string;
  readonly path: string;
  readonly host?: string;
  readonly header: readonly string[];
}

export function withRequestOptions(command: Command): Command {
  return command
    .option('--method <method>', 'HTTP method', 'GET')
    .option('--path <path>', 'path without query', '/')
    .option('--host <host>', 'host that the request names; by default the name of the service')
    .option(
      '--header <line>',
      'header that the request brings, as `name: value`; repeatable',
      (line: string, lines: readonly string[]) => [...lines, line],
      [],
    );
}

/** @throws CliFailure */
export function readRequest({ method, path, host, header }: RequestOptions): NonNullable<Question['request']> {
  const lines = header.map((line): [string, string] => {
    const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) return [name.toLowerCase(), value];
    throw new CliFailure(exitCode.misuse, `\`${line}\` is no header`, 'write `name: value`');
  });
  return {
    method,
    path: path.split('?')[0] ?? path,
    ...(host === undefined ? {} : { host: canonicalHost(host) ?? host }),
    ...(lines.length === 0 ? {} : { headers: headerLines(lines) }),
  };
}

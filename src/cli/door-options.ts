/**
 * Which control plane a command asks, and as whom.
 *
 *   --state DIR                          its socket in that folder, as its owner (the default: .coffre)
 *   --admin ADDRESS:PORT --as DIR        its port, as the person whose certificate lies in DIR
 */
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Answers, Requests } from '../admin/answer.ts';
import { controlPlaneDnsName, managementSocket } from '../admin/door-names.ts';
import { type Asked, ask, type Door } from '../admin/management-client.ts';
import type { MethodName } from '../admin/methods.ts';
import { readPersonFolder } from '../admin/person-folder.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

export interface DoorOptions {
  readonly state: string;
  readonly admin?: string;
  readonly as?: string;
}

export function withDoorOptions(command: Command): Command {
  return command
    .addOption(stateOption())
    .option('--admin <address:port>', 'ask over mutual TLS instead of the socket in the state folder')
    .option('--as <dir>', 'your certificate, as `coffre admin issue` wrote it; needed with --admin');
}

export function stateOption(): Option {
  return new Option('--state <dir>', 'state folder of the control plane').default('.coffre').env('COFFRE_STATE');
}

/** By the status of the door's answer; any other says that this caller gets none. */
const exitCodes: Readonly<Record<number, CliFailure['exitCode']>> = {
  400: exitCode.misuse,
  404: exitCode.no,
  409: exitCode.no,
  422: exitCode.no,
};

/** @throws CliFailure where there is no answer. */
export async function askDoor<Name extends MethodName>(
  options: DoorOptions,
  method: Name,
  request: Requests[Name],
): Promise<Answers[Name]> {
  return answered(options, await tryDoor(options, method, request));
}

/** For those who can wait until it answers. @throws CliFailure where the options name no door. */
export async function tryDoor<Name extends MethodName>(
  options: DoorOptions,
  method: Name,
  request: Requests[Name],
  signal?: AbortSignal,
): Promise<Asked<Name>> {
  return ask(await doorOf(options), method, request, signal);
}

/** @throws CliFailure */
export function answered<Name extends MethodName>(options: DoorOptions, asked: Asked<Name>): Answers[Name] {
  switch (asked.kind) {
    case 'answered':
      return asked.value;
    case 'refused':
      throw new CliFailure(exitCodes[asked.status] ?? exitCode.unreachable, asked.message, asked.advice);
    case 'unreachable':
      throw new CliFailure(
        exitCode.unreachable,
        `the control plane does not answer at \`${options.admin ?? join(options.state, managementSocket)}\`: ${asked.why}`,
        options.admin === undefined
          ? 'start it with `coffre up DIR`, name its state folder: `--state DIR`, or ask one elsewhere: `--admin ADDRESS:PORT --as DIR`'
          : 'check the address, and that your certificate has not ended: `coffre admin issue` makes a new one',
      );
  }
}

async function doorOf({ state, admin, as }: DoorOptions): Promise<Door> {
  if (admin === undefined) return { kind: 'socket', path: join(resolve(state), managementSocket) };
  const endpoint = parseEndpoint(admin);
  if (as === undefined) {
    throw new CliFailure(
      exitCode.misuse,
      'over `--admin` nobody is let in without a certificate',
      'name yours: `--as DIR`',
    );
  }
  const person = await readPersonFolder(resolve(as)).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliFailure(
      exitCode.misuse,
      `\`${as}\` holds no certificate of a person: ${why}`,
      'make one with `coffre admin issue --out DIR`',
    );
  });
  return { kind: 'tls', ...endpoint, ...person, serverName: controlPlaneDnsName };
}

/** @throws CliFailure */
export function parseEndpoint(text: string): { readonly address: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (isIP(address) !== 0 && port > 0 && port <= 65_535) return { address, port };
  throw new CliFailure(exitCode.misuse, `\`${text}\` is no ADDRESS:PORT`, 'write 127.0.0.1:15014 or [::1]:15014');
}

/**
 * `coffre rotate intermediate TENANT [--abort]`: a new CA for one tenant, in steps that its proxies accept one by one.
 * `coffre rotate status`: at which step each rotation is, and whom it waits for.
 */
import type { Command } from 'commander';
import type { Answers } from '../admin/answer.ts';
import { tellHoldout } from '../controller/rotation-holdouts.ts';
import type { RotationView } from '../controller/rotations.ts';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { outputOption } from './output-option.ts';
import { printable } from './table.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

interface RotateOptions extends DoorOptions {
  readonly abort?: true;
  readonly output: OutputFormat;
}

export function addRotateCommand(program: Command, terminal: Terminal): void {
  const rotate = program.command('rotate').description('replace the CA of a tenant while its traffic flows');
  withDoorOptions(rotate.command('intermediate'))
    .description('begin, or abort: the new CA is trusted, then used, then the old one is dropped')
    .argument('<tenant>', 'the tenant, by its name')
    .option('--abort', 'turn the rotation round, at whatever step it is')
    .addOption(outputOption())
    .action(async (tenant: string, options: RotateOptions) => {
      const rotation = await askDoor(options, 'rotateIntermediate', { tenant, abort: options.abort ?? false });
      if (options.output === 'json') return writeJson(terminal, rotation);
      terminal.out(`${rotationText(rotation)}see \`coffre rotate status\`\n`);
    });
  withDoorOptions(rotate.command('status'))
    .description('rotations under way, and the proxies that they wait for')
    .addOption(outputOption())
    .action(async (options: RotateOptions) => {
      const rotations = await askDoor(options, 'rotations', {});
      if (options.output === 'json') return writeJson(terminal, rotations);
      terminal.out(rotations.length === 0 ? 'no rotation is under way\n' : rotations.map(viewText).join('\n'));
    });
}

function viewText(view: RotationView): string {
  const holdouts = view.holdouts.map((holdout) => `  waits: ${printable(tellHoldout(holdout))}\n`);
  return `${rotationText(view)}${holdouts.join('')}`;
}

function rotationText({ tenant, step, aborted, sinceMs, leaving, staying }: Answers['rotateIntermediate']): string {
  return [
    `${tenant}: ${aborted ? 'going back, ' : ''}${meaning[step]}, since ${new Date(sinceMs).toISOString()}\n`,
    `  leaves ${leaving}\n`,
    `  stays  ${staying}\n`,
  ].join('');
}

const meaning = {
  trusted: 'trusted (step 1 of 3: both CAs are trusted, the leaving one signs)',
  used: 'used (step 2 of 3: both CAs are trusted, the staying one signs)',
  dropped: 'dropped (step 3 of 3: only the staying CA is trusted)',
} as const;

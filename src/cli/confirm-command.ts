/** `coffre confirm-loss LOSS`: objects that went all at once are meant to be gone. */
import type { Command } from 'commander';
import { askDoor, type DoorOptions, withDoorOptions } from './door-options.ts';
import { outputOption } from './output-option.ts';
import { plural } from './plural.ts';
import { type OutputFormat, type Terminal, writeJson } from './terminal.ts';

export function addConfirmLossCommand(program: Command, terminal: Terminal): void {
  withDoorOptions(program.command('confirm-loss'))
    .description('let objects go that were lost from the source at once, and are held in force since')
    .argument('<loss>', 'the loss, as `coffre status` names it')
    .addOption(outputOption())
    .action(async (loss: string, options: DoorOptions & { output: OutputFormat }) => {
      const confirmed = await askDoor(options, 'confirmLoss', { loss });
      if (options.output === 'json') writeJson(terminal, confirmed);
      else terminal.out(`${plural(confirmed.objects, 'object')} let go\n`);
    });
}

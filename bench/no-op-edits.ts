/**
 * Edits that change what nobody is told: the reason of a grant is rewritten, ten times a second.
 *
 * No peer takes part: whether an edit means anything is found out by whoever compiles, and the peers compile nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { Changes } from './changes.ts';
import { oursAlone, scaleOf } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const editsPerRound = 50;
const pauseMs = 100;

export const noOpEdits: Bench = {
  name: 'no-op-edits',
  what: `${editsPerRound} edits that change no configuration: pushes (aim 0), processor time an edit`,
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    return oursAlone(options, async (plane) => {
      const before = await plane.counts();
      for (let edit = 0; edit < editsPerRound; edit += 1) {
        await plane.change(changes.next('no-op'));
        await sleep(pauseMs);
      }
      await plane.settle();
      const after = await plane.counts();
      return {
        cpu_us_per_edit: (after.cpuUs - before.cpuUs) / editsPerRound,
        pushes: after.fleet.messages - before.fleet.messages,
        bytes: after.fleet.bytes - before.fleet.bytes,
      };
    });
  },
};

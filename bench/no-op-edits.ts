/**
 * Edits that change what nobody is told: the reason of a grant is rewritten, ten times a second at most.
 *
 * No peer takes part: whether an edit means anything is found out by whoever compiles, and the peers compile nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { Changes } from './changes.ts';
import { oursAlone, scaleOf } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

/** Edits of one round, the time between two of them and the longest that a round goes on for, in ms. */
const editsPerRound = 50;
const pauseMs = 100;
const roundMs = 25_000;

export const noOpEdits: Bench = {
  name: 'no-op-edits',
  what: 'edits that change no configuration: pushes (aim 0), processor time an edit',
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    return oursAlone(options, async (plane) => {
      const before = await plane.counts();
      const endMs = performance.now() + roundMs;
      let edits = 0;
      for (; edits < editsPerRound && performance.now() < endMs; edits += 1) {
        await plane.change(changes.next('no-op'));
        await sleep(pauseMs);
      }
      await plane.settle();
      const after = await plane.counts();
      return {
        cpu_us_per_edit: (after.cpuUs - before.cpuUs) / edits,
        pushes: after.fleet.messages - before.fleet.messages,
        bytes: after.fleet.bytes - before.fleet.bytes,
        edits,
      };
    });
  },
};

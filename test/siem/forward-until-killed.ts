/**
 * A process that forwards a chain of a hundred events into a file, and says so on its output each time that a batch is in
 * the file and its cursor is not yet written. There it waits for ever: somebody kills it, or lets it go on by `--on`.
 */
import { stdout } from 'node:process';
import { FileSink } from '../../src/siem/file-sink.io.ts';
import { Forwarder } from '../../src/siem/forwarder.io.ts';
import type { Sink } from '../../src/siem/sink.ts';
import { systemClock } from '../../src/system-clock.ts';
import { worldIn } from './fake-world.ts';
import { numbered } from './sample-events.ts';

const [, , folder = '', mode] = process.argv;
const world = worldIn(folder);
world.store.keep(numbered, 100);
const file = new FileSink({ path: `${folder}/events.jsonl`, rotateBytes: 10_000_000, keep: 1 });
const sink: Sink = {
  async deliver(batch) {
    const delivery = await file.deliver(batch);
    if (mode !== '--on') {
      stdout.write('delivered\n');
      await new Promise(() => undefined);
    }
    return delivery;
  },
  close: () => file.close(),
};
const forwarder = new Forwarder('file', sink, { paths: 'shape' }, { ...world.ports, clock: systemClock });
const stay = setInterval(() => undefined, 1_000); // a promise alone keeps no process
forwarder.wake();
await forwarder.idle();
await forwarder.stop();
clearInterval(stay);

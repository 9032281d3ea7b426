/** A process that owns a lab with a pod and a process in it, and says so; killed by the test that started it. */
import { startLab } from '../../src/lab/lab.ts';
import type { LabMode } from '../../src/lab/lab-support.ts';

const lab = await startLab({ mode: process.argv[2] as LabMode });
await lab.addPod({
  key: 'atelier/api',
  addresses: ['10.99.1.2'],
  intercepted: true,
  dnsResolvers: [],
  hosts: new Map(),
});
await lab.spawn({ in: 'atelier/api', argv: ['sleep', '600'], confined: true, name: 'sleeper' });
console.log(JSON.stringify({ dir: lab.dir, pid: lab.pid }));
// It outlives its lab, so that a test can tell what happens to either alone.
setInterval(() => {}, 60_000);

/** A replica of its own process that takes part in the election, and answers each line of its input with its term. */
import { createInterface } from 'node:readline';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import { elect } from '../../../src/kube/lease/elect.ts';
import { isNewMesh } from '../../../src/kube/secrets/is-new-mesh.ts';

const [, , file = '', name = ''] = process.argv;
const client = openKubeClient({ kind: 'kubeconfig', file });
const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const election = elect({
  ...{ client, name, address: `10.0.0.1:15018`, report: tell },
  isNewMesh: (signal) => isNewMesh(client, signal),
});
const questions = createInterface(process.stdin);
questions.on('line', () => tell({ kind: 'answer', term: election.term(), leader: election.leader() }));
process.once('SIGTERM', async () => {
  questions.close();
  await election.close();
  await client.close();
});

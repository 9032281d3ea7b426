/**
 * A process that appends until it is killed: each id goes to standard output once it was acknowledged, and not before.
 *
 * Arguments: file with the connection string, file with the private key, a prefix for ids.
 */
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';
import { openPostgresStore } from '../../../src/evidence/postgres/postgres-store.io.ts';
import { denial, noonMs } from '../event-samples.ts';

const [addressFile = '', keyFile = '', prefix = ''] = process.argv.slice(2);
const store = await openPostgresStore({
  connectionString: readFileSync(addressFile, 'utf8'),
  replica: 'replica-1',
  signingKey: createPrivateKey(readFileSync(keyFile)),
  clock: { nowMs: () => noonMs },
});
const say = (line: string) => writeSync(1, `${line}\n`);

for (let round = 0; ; round += 1) {
  const batches = [1, 2, 3].map((batch) => [
    denial(`${prefix}-${round}-${batch}`),
    denial(`${prefix}-${round}-${batch}b`),
  ]);
  const answers = batches.map(async (batch) => {
    const { kind } = await store.append(batch);
    for (const { id } of kind === 'kept' ? batch : []) say(id);
  });
  const drill = store.appendDrill(`${prefix}/drill`, round, `${round}`, { atMs: noonMs, tenant: prefix });
  if (drill.kind === 'appended') say(`drill ${prefix}/drill ${drill.sequence}`);
  await Promise.all(answers);
}

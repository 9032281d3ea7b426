/**
 * Of the files in whose cluster pods run, one has its turn at a time, whoever starts them: sidecars give workers half a second to
 * answer, which two such clusters on two cores do not always leave it.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** In Linux's abstract namespace: it is free again when its holder ends, however that ends. */
const turn = '\0coffre-cluster-of-the-tests';
/** Between two looks whether it is our turn, in ms. */
const lookMs = 200;

/** @returns how the turn is given away. Waits for as long as its caller lets it. */
export async function takeTurn(): Promise<() => Promise<void>> {
  for (;;) {
    const server = createServer().listen(turn);
    // `once` rejects where there is an error first: somebody else has it.
    const isOurs = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isOurs) return () => new Promise((resolve) => server.close(() => resolve()));
    await sleep(lookMs);
  }
}

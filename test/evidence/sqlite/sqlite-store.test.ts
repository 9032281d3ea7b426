/** The store in SQLite keeps what every store keeps. */

import { SqliteWorld } from './sqlite-world.ts';
import { describeStore } from './store-contract.ts';

describeStore('SQLite', async () => new SqliteWorld());

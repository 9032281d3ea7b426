/** The rows of the demo, in the order of a newcomer's questions. */
import type { Theme } from '../check.ts';
import { authorization } from './authorization.ts';
import { certificates } from './certificates.ts';
import { control } from './control.ts';
import { controlPlane } from './control-plane.ts';
import { databaseWall } from './database.ts';
import { drills } from './drills.ts';
import { edits } from './edits.ts';
import { grant } from './grant.ts';
import { inside } from './inside.ts';
import { people } from './people.ts';
import { plaintext } from './plaintext.ts';
import { policy } from './policy.ts';
import { restore } from './restore.ts';
import { tcpGrant } from './tcp-grant.ts';
import { tenantWall } from './tenant-wall.ts';
import { wayOut } from './way-out.ts';
import { waysOut } from './ways-out.ts';

export const allThemes: readonly Theme[] = [
  inside,
  plaintext,
  control,
  certificates,
  wayOut,
  waysOut,
  tenantWall,
  databaseWall,
  policy,
  people,
  grant,
  tcpGrant,
  edits,
  authorization,
  controlPlane,
  drills,
  restore,
];

/** A throw-away mesh CA for tests of this room: server credentials and client leaves, whose clock is the machine's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '../../src/identity/authority.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';

export const serverName = 'coffre.mesh.coffre';
export const cart = 'spiffe://mesh.example/ns/shop/sa/cart';

export async function testAuthority(): Promise<Authority> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'coffre-test-'));
  try {
    const authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports: systemPorts });
    await authority.ensure({ tenants: [], spiffeIds: [cart], leafLifetimeMs: 86_400_000 });
    return authority;
  } finally {
    await rm(stateFolder, { recursive: true }); // what the authority holds in memory is all a test needs
  }
}

export function serverLeaf(authority: Authority): Leaf {
  return present(authority.serverCredentials());
}

export function clientLeaf(authority: Authority): Leaf {
  return present(authority.leaf(cart));
}

function present(leaf: Leaf | undefined): Leaf {
  if (leaf === undefined) throw new Error('the authority holds no such leaf');
  return leaf;
}

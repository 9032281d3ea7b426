/** The control plane is lost with all it kept. Out of its backup comes the same mesh, and no sidecar notices. */

import { X509Certificate } from 'node:crypto';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAuthority } from '../../../identity/open-authority.io.ts';
import { systemPorts } from '../../../identity/system-ports.io.ts';
import { trustDomain } from '../addresses.ts';
import { startAsking } from '../asking.ts';
import { type DemoPlace, judge, type Theme } from '../check.ts';
import { coffre, coffreLine } from '../coffre-command.ts';
import { inPod, killByFile, shellLine } from '../command.ts';
import type { DemoContext } from '../demo-context.ts';
import { returningClients } from '../returning-clients.ts';

const caller = 'atelier/web-1';
const document = 'http://api/documents/1';
const passphrase = 'as many words as nobody guesses\n';

export const restore: Theme = {
  title: 'After a loss',
  checks: [
    {
      id: 'restored-after-loss',
      what: 'backed up, then killed with -9 and its state folder destroyed; restored, and started',
      want: 'the same root, nothing sent to any sidecar, every request 200 throughout',
      command: (place) => [
        coffreLine(backupArgv(place)),
        // At once, before the demo starts a server on a state folder that is not there yet.
        `${shellLine(killByFile(place.pidFiles.controlPlane), place.lab)}; rm -r ${place.state}; ${coffreLine(restoreArgv(place))}`,
        shellLine(inPod(caller, 'curl', '-si', document), place.lab),
      ],
      run: async (context) => {
        const { mesh, place } = context;
        const asking = await startAsking(mesh.lab, caller, document);
        try {
          writeFileSync(passphraseFile(place), passphrase, { mode: 0o600 });
          const before = await rootOf(context);
          const said = await coffre(context, backupArgv(place));
          let wasDestroyed = false;
          const { clients, tookMs, again, edit } = await returningClients(context, async () => {
            await mesh.killControlPlane();
            rmSync(place.state, { recursive: true });
            wasDestroyed = !existsSync(place.state);
            await coffre(context, restoreArgv(place));
            await mesh.startControlPlane();
          });
          const after = await rootOf(context);
          const answers = asking.answers();
          const good = answers.filter(({ outcome }) => outcome === 200).length;
          return judge(
            `${/^\d+ records/.exec(said)?.[0]}, root ${after.slice(0, 11)}… as before; ${clients.length} clients back after ${tookMs} ms, sent to sidecars: ${again.join(', ') || 'nothing'}; ${good} of ${answers.length} requests 200`,
            {
              'the state was gone': wasDestroyed,
              'the root is the same': after === before,
              'nothing was sent to a sidecar': clients.length > 0 && again.length === 0,
              'the log does show what an edit sends': edit.length >= clients.length,
              'every request was 200': answers.length > 1 && good === answers.length,
            },
          );
        } finally {
          await asking.stop();
        }
      },
    },
  ],
};

function backupArgv(place: DemoPlace): readonly string[] {
  const { state } = place;
  return ['backup', '--state', state, '--out', archive(place), '--passphrase-file', passphraseFile(place)];
}

function restoreArgv(place: DemoPlace): readonly string[] {
  return ['restore', archive(place), '--state', place.state, '--passphrase-file', passphraseFile(place)];
}

function archive({ state }: DemoPlace): string {
  return `${state}.backup`;
}

function passphraseFile({ state }: DemoPlace): string {
  return `${state}.passphrase`;
}

/** SHA-256 fingerprint of the mesh's root, out of a copy of its state, so that looking changes nothing. */
async function rootOf({ mesh, place }: DemoContext): Promise<string> {
  const copy = join(mesh.lab.privateDir, 'state-seen');
  cpSync(place.state, copy, { recursive: true });
  try {
    const authority = await openAuthority({ stateFolder: copy, trustDomain, ports: systemPorts });
    return new X509Certificate(authority.rootPem).fingerprint256;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** After the rows: the mesh stays, the reader edits it, and what the control plane thinks of the edits appears here. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Followed, followFile } from '../follow-file.ts';
import { lineFeed } from '../lines.ts';
import type { MeshLab } from '../mesh-lab.ts';
import { lineBytesMax } from '../protocol.ts';
import type { DemoPlace } from './check.ts';
import { inPod, shellLine } from './command.ts';
import { applyLine, grantDocuments, withdrawLine } from './edit.ts';
import type { ControlLine } from './json-lines.ts';
import type { Palette } from './palette.ts';

/** What the reader may look at by hand. */
export interface LabByHand {
  /** Access log of api's sidecar. */
  readonly sidecarLog: string;
  /** Admin interface of api's sidecar. */
  readonly adminSocket: string;
}

export function renderInvitation(place: DemoPlace, lab: LabByHand, palette: Palette): string {
  const noAdmin = `${place.mesh}/atelier/no-admin.yaml`;
  const tries: Readonly<Record<string, readonly string[]>> = {
    'open a path between the tenants, and close it again': [
      applyLine(grantDocuments, place),
      shellLine(inPod('notaire/web-1', 'curl', '-si', 'http://api.atelier/documents/1'), place.lab),
      withdrawLine(grantDocuments, place),
    ],
    'make a mistake, and mend it': [`sed -i 's/deny:/denny:/' ${noAdmin}`, `sed -i 's/denny:/deny:/' ${noAdmin}`],
    'act as an application of a pod': [
      'npm run -s lab -- list',
      shellLine(inPod('atelier/web-1', 'curl', '-si', 'http://api/'), place.lab),
    ],
    'ask why a request was refused, by the x-coffre-decision of its answer, and what else happened': [
      `export COFFRE_STATE=${place.state}`,
      shellLine(inPod('atelier/web-1', 'curl', '-si', 'http://api/admin'), place.lab),
      ...['explain ID', 'events', 'tap', 'top'].map((command) => `npm run -s coffre -- ${command}`),
    ],
    "watch what api's sidecar refuses, and ask it for its configuration": [
      `tail -f ${lab.sidecarLog}`,
      `curl -s --unix-socket ${lab.adminSocket} http://envoy/config_dump`,
    ],
  };
  const lines = Object.entries(tries).flatMap(([title, commands]) => [
    '',
    `  ${title}`,
    ...commands.map((line) => `    ${palette.dim(`$ ${line}`)}`),
  ]);
  return [
    '',
    palette.bold('The mesh stays up until Ctrl-C. Its live folder, which you may edit:'),
    `  ${place.mesh}`,
    ...lines,
    '',
    palette.bold('The control plane says:'),
    '',
  ].join('\n');
}

/** Long enough for the reader to try the mesh without a server, in ms. */
const restartMs = 10_000;

const deaths = {
  'the control plane': 'has ended; sidecars go on with what they have',
  'the authorization worker': 'has ended; every request is refused with 503',
} as const;

/** Resolves when `signal` aborts. A server that dies is started again, as a supervisor would. */
export async function stayUp(
  mesh: MeshLab,
  say: (text: string) => void,
  palette: Palette,
  signal: AbortSignal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const keep = async (server: keyof typeof deaths, untilEnd: () => Promise<unknown>, start: () => Promise<void>) => {
    for (;;) {
      await untilEnd();
      if (signal.aborted) return;
      say(`${palette.warn('▲')} ${server} ${deaths[server]}; another is started in ${restartMs / 1_000} s\n`);
      await sleep(restartMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await start();
      say(`${palette.good('✓')} ${palette.dim(`${server} is back`)}\n`);
    }
  };
  await Promise.all([
    keep(
      'the control plane',
      async () => {
        const followed = followControlPlane(mesh.controlPlane.stdoutPath, say, palette);
        await Promise.race([stopped, mesh.controlPlane.exited]);
        followed.finish();
      },
      () => mesh.startControlPlane(),
    ),
    keep(
      'the authorization worker',
      () => Promise.race([stopped, mesh.authzWorker.exited]),
      () => mesh.startAuthzWorker(),
    ),
  ]);
}

function followControlPlane(path: string, say: (text: string) => void, palette: Palette): Followed {
  const feed = lineFeed(
    lineBytesMax,
    (line) => say(renderControlLine(JSON.parse(line), palette)),
    () => undefined,
  );
  return followFile(path, feed);
}

export function renderControlLine(
  { msg, problem = '', revision = '', proxies = 0 }: ControlLine,
  palette: Palette,
): string {
  switch (msg) {
    case 'problem':
      return `${palette.warn('▲')} ${problem}\n`;
    case 'problem solved':
      return `${palette.good('✓')} ${palette.dim(`solved: ${problem}`)}\n`;
    case 'published':
      return `${palette.dim(`· revision ${revision} for ${proxies} client${proxies === 1 ? '' : 's'}`)}\n`;
    default:
      return '';
  }
}

/** The third promise: something is broken on purpose, in bounds, and it ends by itself. */
import { hasEnded } from '../../drill-control.ts';
import { startAsking } from '../asking.ts';
import { judge, type Theme } from '../check.ts';
import { killByFile } from '../command.ts';
import { lastOrders } from '../last-orders.ts';

const caller = 'atelier/web-1';
const url = 'http://api/documents/1';

/** What Envoy promises: the layer's own life, and a second to see it. */
const deadManMs = 11_000;
/** Longest wait for a drill to get where it goes, in ms, steady state measured before and after included. */
const drillMs = 40_000;
/** Longest wait for the caller's sidecar to be back on its stream, in ms. */
const reconnectMs = 60_000;

const begin = (state: string, drill: string, ...flags: readonly string[]) =>
  ['npm run -s coffre -- drill start', drill, '--yes', ...flags, '--state', state].join(' ');

export const drills: Theme = {
  title: 'Drills',
  checks: [
    {
      id: 'drill-dead-man',
      what: 'the breaker of `api` had been opened on purpose when that control plane was killed',
      want: '503 `UO` at once; traffic back by itself within 11 s; the same connection all along',
      command: ({ state, pidFiles }) => [begin(state, lastOrders.drill), killByFile(pidFiles.controlPlane)],
      run: async (context) => {
        const { mesh } = context;
        const { own, refused, line, deadMs, clear } = await context.lastOrders();
        let isDead = true;
        try {
          const back = await own.until(
            'traffic to be back',
            2 * deadManMs,
            ({ atMs, outcome }) => atMs > deadMs && outcome === 200,
          );
          const backMs = back.atMs - deadMs;
          const ports = new Set(own.answers().map(({ port }) => port));
          await clear();
          await mesh.startControlPlane();
          isDead = false;
          const { phase } = await mesh.drills.until(lastOrders.drill, 'its end', drillMs, hasEnded);
          return judge(
            `${refused.outcome} ${line.flags}; ${(backMs / 1_000).toFixed(1)} s after the kill ${back.outcome}; ${ports.size - 1} connections lost; then marked ${phase}`,
            {
              'the breaker refused': refused.outcome === 503,
              'traffic came back in time': backMs <= deadManMs,
              'no connection was lost': ports.size === 1,
              'the drill is not resumed': phase === 'aborted',
            },
          );
        } finally {
          await clear();
          if (isDead) await mesh.startControlPlane();
        }
      },
    },
    {
      id: 'drill-stops-itself',
      what: 'half of the answers of `api` are made errors on purpose, which breaks the steady state',
      want: 'the drill stops itself; every sidecar is proven clean; requests are 200 again',
      command: ({ state }) => [begin(state, 'atelier/api-errors', '--wait')],
      run: async (context) => {
        const { mesh } = context;
        await mesh.drills.whole(reconnectMs);
        const asking = await startAsking(mesh.lab, caller, url);
        try {
          await mesh.drills.begin('atelier/api-errors');
          const { phase, reason, proxies, timeline } = await mesh.drills.until(
            'atelier/api-errors',
            'its end',
            drillMs,
            hasEnded,
          );
          const endedMs = Date.now();
          const after = await asking.until('an answer', deadManMs, ({ atMs }) => atMs > endedMs);
          const at = (what: string) => timeline.find((entry) => entry.what === what)?.atMs ?? Number.NaN;
          const tookMs = Math.max(...timeline.filter(({ what }) => what === 'proxy-clean').map(({ atMs }) => atMs));
          const stopMs = tookMs - at('probe-breach');
          return judge(`${phase}: ${reason}; clean ${stopMs} ms after the breach; then ${after.outcome}`, {
            'it stopped itself': phase === 'aborted' && Number.isFinite(at('probe-breach')),
            'every sidecar was seen clean': proxies.length > 0 && proxies.every(({ state }) => state === 'clean'),
            'within a second': stopMs <= 1_000,
            'requests were answered again': after.outcome === 200,
          });
        } finally {
          await asking.stop();
        }
      },
    },
  ],
};

/** What happened, as JSON lines: problems once each when they appear and go, pushes and refusals as they come. */
import type { Logger } from 'pino';
import { formatProblem } from '../model/format-problem.ts';
import type { Problem } from '../model/problem.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import type { LoopReport } from './loop.io.ts';

export function logReport(log: Logger): LoopReport {
  let known: ReadonlyMap<string, Problem> = new Map();
  let published = '';
  return {
    problems(problems) {
      const current = new Map(problems.map((problem) => [formatProblem(problem), problem]));
      for (const [text, { code, severity, where, object }] of current) {
        if (!known.has(text))
          log[severity === 'error' ? 'error' : 'warn']({ code, where, object, problem: text }, 'problem');
      }
      for (const text of known.keys()) if (!current.has(text)) log.info({ problem: text }, 'problem solved');
      known = current;
    },
    published(revision, proxies, withheld) {
      const what = JSON.stringify([revision, proxies, withheld]);
      if (what === published) return;
      published = what;
      log.info({ revision, proxies, withheld }, 'published');
    },
    buildFailed(workload, part, cause) {
      const outcome = part === undefined ? 'the proxy keeps the one it has' : `its ${part.kind} port is closed`;
      log.error({ workload, err: cause }, `a configuration could not be built; ${outcome}`);
    },
    madeWhole(tenant, cause) {
      log.warn({ tenant, err: cause }, 'what moved could not be made alone; all of the tenant was made anew');
    },
    issueFailed(failures) {
      for (const { name, cause } of failures)
        log.error({ name, err: cause }, 'a certificate could not be issued; tried again soon');
    },
    runFailed(cause) {
      log.error({ err: cause }, 'nothing of this change is in force; what was served stays');
    },
  };
}

export function logXdsEvents(log: Logger): (event: XdsEvent) => void {
  return (event) => {
    const { kind, ...details } = event;
    switch (kind) {
      case 'nacked':
        log.warn({ ...details, resources: [...event.resources.keys()] }, kind);
        return;
      case 'refused':
      case 'write-stalled':
      case 'recheck-failed':
      case 'lapsed':
      case 'absent-asked':
        log.warn(details, kind);
        return;
      case 'stream-opened':
      case 'stream-closed':
      case 'pushed':
        log.info(details, kind);
        return;
      case 'acked':
        log.debug({ ...details, resources: [...event.resources.keys()] }, kind);
        return;
      case 'heartbeat':
      case 'unsubscribed':
      case 'stale-nonce':
      case 'node-ignored':
      case 'too-many-types':
        log.debug(details, kind);
    }
  };
}

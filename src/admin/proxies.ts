/**
 * The door's questions about single proxies: what they were sent, what they hold, and where the two differ.
 *
 * Of a workload outside a scope nothing is asked: it is answered as one that is not there, before its proxy hears of it.
 */

import { configDumpPath } from '../inspect/config-dump.ts';
import type { Workload } from '../model/snapshot.ts';
import type { Answer, ManagementPorts } from './answer.ts';
import { notReady } from './not-ready.ts';
import { type Scope, sees } from './person.ts';
import { type ProxyConfig, proxyConfig } from './proxies-config.ts';
import { type ProxyDiff, proxyDiff } from './proxies-diff.ts';
import type { ProxiesPort } from './proxies-port.ts';
import { type ProxySync, proxySync } from './proxies-status.ts';
import { typeNames } from './proxies-type-name.ts';

export interface ProxyAnswers {
  proxyStatus: readonly ProxySync[];
  proxyConfig: ProxyConfig;
  proxyDiff: ProxyDiff;
}

export interface ProxyRequests {
  /** Without a workload: every one in scope. */
  proxyStatus: { readonly workload?: string };
  /** `type` such as `LDS`. */
  proxyConfig: { readonly workload: string; readonly type?: string };
  proxyDiff: { readonly workload: string };
}

type Refusal = Exclude<Answer<'proxyDiff'>, { readonly kind: 'ok' }>;

export function isProxyCall(method: string): method is keyof ProxyAnswers {
  return method === 'proxyStatus' || method === 'proxyConfig' || method === 'proxyDiff';
}

/** @param body JSON value from the wire. */
export async function answerProxyCall(
  ports: ManagementPorts,
  method: keyof ProxyAnswers,
  scope: Scope,
  body: unknown,
): Promise<Answer<keyof ProxyAnswers>> {
  const request: Readonly<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
  const { workload: key, type } = request;
  const { snapshot, clients } = ports.view();
  const proxies = ports.proxies();
  if (snapshot === undefined || proxies === undefined) {
    return notReady;
  }
  if (method === 'proxyStatus' && key === undefined) {
    const seen = [...snapshot.workloads.values()].filter(({ tenant }) => sees(scope, tenant));
    return { kind: 'ok', value: seen.map((workload) => proxySync(workload, clients, ports.nowMs())) };
  }
  if (typeof key !== 'string') return bad('no workload is named', 'give `workload` as `namespace/pod`');
  const workload = snapshot.workloads.get(key);
  if (workload === undefined || !sees(scope, workload.tenant)) {
    return {
      kind: 'not-found',
      message: `there is no workload \`${key}\``,
      advice: '`coffre proxy status` lists what there is',
    };
  }
  switch (method) {
    case 'proxyStatus':
      return { kind: 'ok', value: [proxySync(workload, clients, ports.nowMs())] };
    case 'proxyConfig': {
      if (type !== undefined && !typeNames.some((name) => name === type)) {
        return bad('there is no such type', `give \`type\` as one of ${typeNames.join(', ')}`);
      }
      const answers = await ask(proxies, workload);
      if ('kind' in answers) return answers;
      const value = proxyConfig(key, typeof type === 'string' ? type : undefined, answers);
      return value === undefined ? senseless(key) : { kind: 'ok', value };
    }
    case 'proxyDiff': {
      const client = clients.findLast((each) => each.key === key);
      const sent = proxies.sent(key);
      if (client === undefined || sent === undefined) {
        return notNow(
          `the proxy of \`${key}\` is not connected, so nobody here knows what it was sent`,
          'start its sidecar; `coffre proxy config` shows what it holds, connected or not',
        );
      }
      const answers = await ask(proxies, workload);
      if ('kind' in answers) return answers;
      const value = proxyDiff(key, sent, client.types, answers);
      return value === undefined ? senseless(key) : { kind: 'ok', value };
    }
  }
}

async function ask({ eyes }: ProxiesPort, { key }: Workload) {
  const [configDump, runtime] = await Promise.all([eyes.read(key, configDumpPath), eyes.read(key, '/runtime')]);
  if (configDump.kind !== 'read') return unseen(key, configDump);
  if (runtime.kind !== 'read') return unseen(key, runtime);
  return { configDump: configDump.text, runtime: runtime.text };
}

function unseen(
  key: string,
  reading: Exclude<Awaited<ReturnType<ProxiesPort['eyes']['read']>>, { kind: 'read' }>,
): Refusal {
  const why = reading.kind === 'refused' ? `it answers ${reading.status}` : reading.why;
  return notNow(
    `the proxy of \`${key}\` cannot be asked: ${why}`,
    'see that it runs, with a bootstrap of this version, and that the control plane reaches its port 15004',
  );
}

function senseless(key: string): Refusal {
  return notNow(`the proxy of \`${key}\` answers what no Envoy of ours would`, 'replace it: it may not be an Envoy');
}

function bad(message: string, advice: string): Refusal {
  return { kind: 'bad-request', message, advice };
}

function notNow(message: string, advice: string): Refusal {
  return { kind: 'not-ready', message, advice };
}

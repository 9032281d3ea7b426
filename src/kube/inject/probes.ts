/**
 * A kubelet's questions, put to the sidecar instead of the application, and back again.
 *
 *   httpGet :8080/healthz ──divert──▶ httpGet :15021/app/web/readiness    original in an annotation, answer in the bootstrap
 *
 * A kubelet comes in plaintext, for which there is no way in. `exec` needs none and stays. Hooks that the kubelet calls by
 * HTTP are questions, too. Whoever names a host is refused before (`dangers.ts`).
 */

import type { ApplicationProbe } from '../../envoy/health-listener.ts';
import { canonicalJson } from '../../model/canonical-json.ts';
import { healthPort } from '../../model/ports.ts';
import { quote } from '../../model/quote.ts';
import type { Container, Handler, Probe } from './pod.ts';
import type { PodFinding } from './problem-of.ts';

/** What a kubelet was to ask, by the path at which it asks now. */
export type Originals = Readonly<Record<string, Handler>>;

export interface Diverted {
  readonly containers: readonly Container[];
  readonly probes: readonly ApplicationProbe[];
  readonly originals: Originals;
  readonly findings: readonly PodFinding[];
}

/** Most questions of one pod: each is a cluster of its sidecar, and a bootstrap has 128 KiB, which is Linux's bound of one variable. */
export const probesMax = 40;

/** Kubernetes' own, where a probe says nothing, in s. */
const defaults = { periodSeconds: 10, timeoutSeconds: 1 };
/** Longest call of a hook, in s: as long as a pod has to stop, by default. */
const hookSeconds = 30;

/** @param field of the pod's spec that holds the containers. */
export function divertProbes(containers: readonly Container[], field: 'containers' | 'initContainers'): Diverted {
  const probes: ApplicationProbe[] = [];
  const originals: Record<string, Handler> = {};
  const findings: PodFinding[] = [];
  const diverted = containers.map((container, index) =>
    mapHandlers(container, (handler, slot) => {
      const path = pathOf(container, slot);
      const taken = take(container, handler, slot);
      if (taken === undefined) return handler;
      if ('code' in taken) {
        findings.push({ ...taken, path: `spec.${field}[${index}].${slot.at}` });
        return handler;
      }
      probes.push(taken);
      originals[path] = handlerOf(handler);
      return divertedHandler(handler, path);
    }),
  );
  return { containers: diverted, probes, originals, findings };
}

/** The reverse. What asks at the health port and is told nothing of stays, and is refused where ports are looked at. */
export function restoreProbes(containers: readonly Container[], originals: Originals): readonly Container[] {
  return containers.map((container) =>
    mapHandlers(container, (handler, slot) => {
      const path = pathOf(container, slot);
      const original = Object.hasOwn(originals, path) ? originals[path] : undefined;
      if (original === undefined || !asksAt(handler, path)) return handler;
      const { httpGet: _ours, ...rest } = handler;
      return { ...rest, ...original } as typeof handler;
    }),
  );
}

/** As text for the annotation. */
export function originalsText(originals: Originals): string {
  return canonicalJson(originals);
}

interface Slot {
  /** Field of the container. */
  readonly at: string;
  /** In the path at which it is asked. */
  readonly name: string;
  /** It is called once, and not again and again. */
  readonly isHook: boolean;
}

const probeSlots = [
  ['livenessProbe', 'liveness'],
  ['readinessProbe', 'readiness'],
  ['startupProbe', 'startup'],
] as const;
const hookSlots = [
  ['postStart', 'post-start'],
  ['preStop', 'pre-stop'],
] as const;

function mapHandlers(container: Container, change: <H extends Handler>(handler: H, slot: Slot) => H): Container {
  let changed = container;
  for (const [key, name] of probeSlots) {
    const probe = changed[key];
    if (probe !== undefined) changed = { ...changed, [key]: change(probe, { at: key, name, isHook: false }) };
  }
  for (const [key, name] of hookSlots) {
    const hook = changed.lifecycle?.[key];
    if (hook === undefined) continue;
    const slot = { at: `lifecycle.${key}`, name, isHook: true };
    changed = { ...changed, lifecycle: { ...changed.lifecycle, [key]: change(hook, slot) } };
  }
  return changed;
}

/** @returns undefined for what needs no sidecar; a finding for what nobody could answer. */
function take(
  container: Container,
  handler: Handler & Partial<Probe>,
  slot: Slot,
): ApplicationProbe | Omit<PodFinding, 'path'> | undefined {
  const { httpGet, tcpSocket, grpc } = handler;
  const path = pathOf(container, slot);
  const timeoutMs = 1_000 * (handler.timeoutSeconds ?? (slot.isHook ? hookSeconds : defaults.timeoutSeconds));
  const periodMs = 1_000 * (handler.periodSeconds ?? defaults.periodSeconds);
  const asked = httpGet ?? tcpSocket;
  // Kubernetes never calls a hook by TCP, although it can be written.
  if (slot.isHook && httpGet === undefined) return undefined;
  if (asked !== undefined) {
    const port = portOf(container, asked.port);
    if (port === undefined) return unknownPort(asked.port);
    if (httpGet === undefined) return { path, port, timeoutMs, asks: { kind: 'tcp', periodMs } };
    const tls = httpGet.scheme?.toUpperCase() === 'HTTPS';
    return { path, port, timeoutMs, asks: { kind: 'http', tls, path: targetOf(httpGet.path).path } };
  }
  if (grpc === undefined) return undefined;
  return { path, port: grpc.port, timeoutMs, asks: { kind: 'grpc', periodMs, service: grpc.service ?? '' } };
}

/** The query goes along, as the sidecar passes on what it is asked with. */
function divertedHandler<H extends Handler>(handler: H, path: string): H {
  const { httpGet, tcpSocket: _tcp, grpc: _grpc, ...rest } = handler;
  const { query } = targetOf(httpGet?.path);
  const headers = httpGet?.httpHeaders === undefined ? {} : { httpHeaders: httpGet.httpHeaders };
  return { ...rest, httpGet: { path: `${path}${query}`, port: healthPort, scheme: 'HTTP', ...headers } } as H;
}

function handlerOf({ httpGet, tcpSocket, grpc }: Handler): Handler {
  if (httpGet !== undefined) return { httpGet };
  if (tcpSocket !== undefined) return { tcpSocket };
  return grpc === undefined ? {} : { grpc };
}

function asksAt({ httpGet }: Handler, path: string): boolean {
  return httpGet?.port === healthPort && httpGet.path?.split('?', 1)[0] === path;
}

function pathOf({ name }: Container, { name: slot }: Slot): string {
  return `/app/${name}/${slot}`;
}

/** As a kubelet reads it; the query begins with its `?`, if there is one. */
function targetOf(written = '/'): { readonly path: string; readonly query: string } {
  const rooted = written.startsWith('/') ? written : `/${written}`;
  const [path = ''] = rooted.split('?', 1);
  return { path, query: rooted.slice(path.length) };
}

function portOf({ ports = [] }: Container, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  return named ?? (/^[1-9][0-9]{0,4}$/.test(port) ? Number(port) : undefined);
}

function unknownPort(port: number | string): Omit<PodFinding, 'path'> {
  return {
    code: 'dangling-reference',
    message: `the port ${quote(String(port))} is none of the container's, so nobody could ask there`,
    advice: 'name it under `ports` of the same container, or write its number',
  };
}

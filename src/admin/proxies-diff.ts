/**
 * What a proxy was to hold against what it says it holds, resource by resource.
 *
 *   snapshot ──what its stream asks for──▶ expected ─┐
 *   config dump, runtime ───────────────────▶ held ──┴──▶ missing, extra, different
 *
 * It finds what an ACK cannot: a proxy that was told otherwise by somebody else, started with more than its bootstrap, or
 * stuck while it warms. It is the proxy's own word: one whose Envoy was replaced can say what it likes.
 */
import { heldResources } from '../inspect/config-dump.ts';
import { type Difference, differences } from '../inspect/differences.ts';
import { comparable, sentResource } from '../inspect/held-resource.ts';
import { isOfBootstrap } from '../inspect/of-bootstrap.ts';
import { heldLayers } from '../inspect/runtime-layer.ts';
import type { TypeStatus } from '../xds/client-status.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';
import { typeNameOf } from './proxies-type-name.ts';

export interface ProxyDiff {
  readonly workload: string;
  /** Of the inputs that it was to be told of. */
  readonly revision: string;
  /** How many resources were expected. */
  readonly compared: number;
  /** Sorted by type, then name; empty where the proxy holds what it was sent. */
  readonly differences: readonly ResourceDifference[];
}

export interface ResourceDifference {
  readonly kind: Difference['kind'];
  readonly type: string;
  /** `(warming)` behind it: taken, not in use. `(static)`: from the bootstrap. */
  readonly name: string;
}

/** @returns undefined where the proxy's answers say nothing. */
export function proxyDiff(
  workload: string,
  sent: ResourceSnapshot,
  asked: readonly TypeStatus[],
  answers: { readonly configDump: string; readonly runtime: string },
): ProxyDiff | undefined {
  const [resources, layers] = [heldResources(answers.configDump), heldLayers(answers.runtime)];
  if (resources === undefined || layers === undefined) return undefined;
  const expected = comparable(expectedOf(sent, asked).map(sentResource));
  const held = new Map([...comparable([...resources, ...layers])].filter(([key]) => !isOfBootstrap(key)));
  return {
    workload,
    revision: sent.revision,
    compared: expected.size,
    differences: differences(expected, held).map(named).sort(byTypeAndName),
  };
}

/** A proxy is sent what it asks for: everything of a wildcard type, of others what its listeners and clusters name. */
function expectedOf({ types }: ResourceSnapshot, asked: readonly TypeStatus[]) {
  return asked.flatMap(({ typeUrl, wildcard, asked: names }) =>
    [...(types.get(typeUrl)?.values() ?? [])].filter(({ name }) => wildcard || names.has(name)),
  );
}

function named({ kind, resource }: Difference): ResourceDifference {
  const [, typeUrl = '', name = ''] = /^([^/]*\/[^/]*)\/(.*)$/s.exec(resource) ?? [];
  return { kind, type: typeNameOf(typeUrl), name };
}

function byTypeAndName(left: ResourceDifference, right: ResourceDifference): number {
  return `${left.type} ${left.name}` < `${right.type} ${right.name}` ? -1 : 1;
}

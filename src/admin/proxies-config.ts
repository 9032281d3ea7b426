/** What a proxy itself says it holds: its config dump and its runtime, whole or of one type. */
import type { JsonValue } from '@bufbuild/protobuf';
import { heldResources } from '../inspect/config-dump.ts';
import { heldLayers } from '../inspect/runtime-layer.ts';
import { typeNameOf } from './proxies-type-name.ts';

export interface ProxyConfig {
  readonly workload: string;
  /** Sorted by type, then name. */
  readonly resources: readonly {
    readonly type: string;
    readonly name: string;
    readonly state: 'active' | 'warming' | 'static';
    /** Secrets blanked. */
    readonly content: JsonValue;
  }[];
}

/** @param type such as `LDS`; absent: every type. @returns undefined where the proxy's answers say nothing. */
export function proxyConfig(
  workload: string,
  type: string | undefined,
  answers: { readonly configDump: string; readonly runtime: string },
): ProxyConfig | undefined {
  const [resources, layers] = [heldResources(answers.configDump), heldLayers(answers.runtime)];
  if (resources === undefined || layers === undefined) return undefined;
  const shown = [...resources, ...layers]
    .map(({ typeUrl, name, state, content }) => ({ type: typeNameOf(typeUrl), name, state, content }))
    .sort((left, right) => (`${left.type} ${left.name}` < `${right.type} ${right.name}` ? -1 : 1));
  return { workload, resources: shown.filter((each) => type === undefined || each.type === type) };
}

/**
 * Which nodes a status request asks for.
 *
 * A pattern of an asker's is no program of ours: regular expressions are refused, and so is what we keep nothing of
 * (metadata), rather than passed over, which would answer more than was asked.
 */
import type { NodeMatcher } from '#gen/envoy/type/matcher/v3/node_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { nodeMatchersMax } from './csds-limits.ts';

export type NodeFilter =
  | { readonly kind: 'ok'; matches(nodeId: string): boolean }
  | { readonly kind: 'refused'; readonly message: string };

/** @param matchers none asks for every node. */
export function nodeFilter(matchers: readonly NodeMatcher[]): NodeFilter {
  if (matchers.length === 0) return { kind: 'ok', matches: () => true };
  if (matchers.length > nodeMatchersMax) return refused(`more than ${nodeMatchersMax} node matchers`);
  const tests: ((nodeId: string) => boolean)[] = [];
  for (const { nodeId, nodeMetadatas } of matchers) {
    if (nodeMetadatas.length > 0 || nodeId === undefined) return refused('nodes are matched by their id alone');
    const test = testOf(nodeId);
    if (test === undefined) return refused('a node id is matched by `exact`, `prefix`, `suffix` or `contains`');
    tests.push(test);
  }
  return { kind: 'ok', matches: (nodeId) => tests.some((test) => test(nodeId)) };
}

function testOf({ matchPattern, ignoreCase }: StringMatcher): ((text: string) => boolean) | undefined {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  switch (matchPattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains': {
      const { case: kind, value } = matchPattern;
      const wanted = fold(value);
      return (text) => comparisons[kind](fold(text), wanted);
    }
    default:
      return undefined;
  }
}

const comparisons = {
  exact: (text: string, wanted: string) => text === wanted,
  prefix: (text: string, wanted: string) => text.startsWith(wanted),
  suffix: (text: string, wanted: string) => text.endsWith(wanted),
  contains: (text: string, wanted: string) => text.includes(wanted),
} as const;

function refused(message: string): NodeFilter {
  return { kind: 'refused', message };
}

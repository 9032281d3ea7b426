/**
 * Whom a word means: `any`, a tenant, `tenant/name` for a service, a pod or a service account, with a port or without.
 *
 * Read in this order, since each is a narrower word for what the one before may hold: SPIFFE ID, tenant, service, workload,
 * service account.
 */
import type { Snapshot, Workload } from '../model/snapshot.ts';
import type { Party } from './prove.ts';

export type PartyResult =
  | { readonly kind: 'party'; readonly party: Party }
  | { readonly kind: 'nobody'; readonly message: string; readonly advice: string };

export function partyOf(snapshot: Snapshot, word: string): PartyResult {
  const [, name = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(word) ?? [];
  if (word.startsWith('spiffe://')) return those(snapshot, word, ({ spiffeId }) => spiffeId === word);
  if (name === 'any') return those(snapshot, word, () => true);
  if (snapshot.tenants.has(name)) return those(snapshot, word, ({ tenant }) => tenant === name);
  const service = snapshot.services.get(name);
  if (service !== undefined) {
    const asked = service.ports.filter((each) => port === undefined || each.port === Number(port));
    if (asked.length === 0) {
      const ports = service.ports.map((each) => each.port).join(', ');
      return nobody(`\`${name}\` has no port ${port}`, `it has ${ports}`);
    }
    const ports = new Map<string, Set<number>>();
    for (const endpoint of asked.flatMap(({ endpoints }) => endpoints)) {
      ports.set(endpoint.workload, (ports.get(endpoint.workload) ?? new Set()).add(endpoint.port));
    }
    if (ports.size === 0) return nobody(`nobody stands behind \`${word}\``, 'let its selector choose a pod');
    return { kind: 'party', party: { workloads: new Set(ports.keys()), ports } };
  }
  const meant = (workload: Workload) =>
    workload.key === name || `${workload.tenant}/${workload.serviceAccount}` === name;
  const found = those(snapshot, word, (workload) => workload.key === name);
  const party = found.kind === 'party' ? found : those(snapshot, word, meant);
  if (port === undefined || party.kind === 'nobody') return party;
  const { workloads } = party.party;
  return {
    kind: 'party',
    party: { workloads, ports: new Map([...workloads].map((key) => [key, new Set([Number(port)])])) },
  };
}

function those(snapshot: Snapshot, word: string, meant: (workload: Workload) => boolean): PartyResult {
  const keys = [...snapshot.workloads.values()].filter(meant).map(({ key }) => key);
  if (keys.length > 0) return { kind: 'party', party: { workloads: new Set(keys) } };
  return nobody(
    `no workload is meant by \`${word}\``,
    'write `any`, a tenant, `tenant/service`, `tenant/service:port`, `tenant/pod`, `tenant/service-account` or a SPIFFE ID',
  );
}

function nobody(message: string, advice: string): PartyResult {
  return { kind: 'nobody', message, advice };
}

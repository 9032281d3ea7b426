/**
 * One thing that is done to a watched mesh: the deed, what whoever did it got for it, and what three eyes must see.
 *
 *   act ──▶ got      event: what `coffre events` tells      siem: its line of OCSF      panel: a query that we ship
 */
import type { Dial } from './stranger.ts';
import { apiAddress, identities, strangerAddress, type WatchedMesh } from './watched-mesh.ts';

/** Part of a value; a regular expression stands for a text that it matches. */
export type Part =
  | string
  | number
  | boolean
  | RegExp
  | undefined
  | readonly Part[]
  | { readonly [field: string]: Part };

export interface Panel {
  /** Dashboard and panel, or alert. */
  readonly where: string;
  /** Metric, where a panel asks for several. */
  readonly metric?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Attack {
  /** @returns what it came to, for whoever did it. */
  act(mesh: WatchedMesh): Promise<number | string>;
  readonly got: number | string | RegExp;
  readonly event: { readonly kind: string; readonly [field: string]: Part };
  readonly siem: { readonly class_uid: number; readonly [field: string]: Part };
  readonly panel: Panel;
}

/** Whether `part` is part of it; what is absent has no fields. */
export function isLike(value: unknown, part: Part): boolean {
  if (part instanceof RegExp) return typeof value === 'string' && part.test(value);
  if (typeof part !== 'object') return value === part;
  const fields = new Map(Object.entries(value ?? {}));
  return Object.entries(part).every(([name, wanted]) => isLike(fields.get(name), wanted));
}

export const [web, desk, api] = ['shop/web-0', 'bank/desk-0', 'shop/api-0'];
/** `class_uid` of OCSF. */
export const [networkActivity, httpActivity] = [4001, 4002];
const finding = 2004;

export const atTheWall = (kind: string): Panel => ({ where: 'authz: Attempts at the wall', labels: { kind } });
export const handshakes = (metric: string): Panel => ({
  where: 'authz: Handshakes that failed',
  metric,
  labels: { namespace: 'shop' },
});
export const noChain: Panel = {
  where: 'authz: Connections for which there is no filter chain',
  labels: { namespace: 'shop' },
};
const found: Panel = { where: 'mesh: Evidence by kind', labels: { kind: 'detector' } };

export const toApi = { workload: api, port: 8_080, address: `${apiAddress}:8080` };
export const fromStranger = { identity: undefined, workload: undefined, address: /^10\.99\.9\.10:\d+$/ };
export const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: api\r\n${more}Connection: close\r\n\r\n`;

/** What would be a second line, or clear a screen, or end a string, if anybody took it for more than a text. */
export const forged = 'x\nDENIED root\u001b[2J"}';

/** He dials the API's pod and gets nothing, or what `got` says. */
export function strangers(dial: Partial<Dial>): Pick<Attack, 'act' | 'got'> {
  return {
    act: ({ stranger }) => stranger.dial({ address: apiAddress, port: 8_080, bytes: get('/open/1'), ...dial }),
    got: '',
  };
}

/** Of a handshake that came to nothing; who it says it is stands apart from who it was. */
export function failed(
  reason: RegExp,
  sni: string | RegExp,
  claimed: string | undefined,
  panel: Panel,
): Omit<Attack, 'act' | 'got'> {
  return {
    event: {
      ...{ kind: 'handshake-failure', tenant: 'shop', workload: api, reason, sni, to: toApi },
      from: { ...fromStranger, claimed },
    },
    siem: {
      class_uid: networkActivity,
      src_endpoint: { ip: strangerAddress, owner: undefined, name: undefined },
      dst_endpoint: { name: api, port: 8_080 },
      unmapped: { claimed_identity: claimed },
    },
    panel,
  };
}

export function denied(path: string, by: 'proxy' | 'worker', rule: string, panel: Panel): Omit<Attack, 'act'> {
  return {
    got: 403,
    event: {
      ...{ kind: 'denial', verdict: 'deny', tenant: 'shop', workload: api, by, reason: 'deny-rule', rule, to: toApi },
      from: { identity: identities.web, workload: web },
      request: { host: 'api', method: 'GET', path, status: 403 },
      ...{ decision: /^[0-9a-f-]{36}$/, revision: by === 'worker' ? /./ : undefined },
    },
    siem: {
      class_uid: httpActivity,
      firewall_rule: { name: rule },
      src_endpoint: { name: web, owner: { uid: identities.web } },
      http_request: { url: { path } },
    },
    panel,
  };
}

export function nowhere(
  from: string,
  identity: string,
  address: string,
  workload?: string,
): Omit<Attack, 'act' | 'got'> {
  return {
    event: {
      ...{ kind: 'undeclared-port', direction: 'outbound', tenant: from.split('/')[0], workload: from },
      from: { identity, workload: from },
      to: { address, workload },
    },
    siem: { class_uid: networkActivity, src_endpoint: { owner: { uid: identity } }, dst_endpoint: { name: workload } },
    panel: atTheWall('undeclared-port'),
  };
}

export function detected(
  detector: string,
  about: string,
  tenant: string,
  severity: string,
): Omit<Attack, 'act' | 'got'> {
  return {
    event: { kind: 'detector', detector, about, tenant, severity },
    siem: { class_uid: finding, finding_info: { analytic: { name: detector } } },
    panel: found,
  };
}

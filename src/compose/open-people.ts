/**
 * People of a cluster at the management door: whom RBAC gives a role, the leader gives a certificate of it.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import { openPeopleAuthority } from '../admin/people-authority.ts';
import { roles } from '../admin/person.ts';
import type { SharedRecords } from '../identity/shared-records.ts';
import { requestedKey } from '../identity/signing-request.io.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Leadership } from '../kube/lease/leadership.ts';
import { signPeople } from '../kube/people/people-signer.ts';
import { drillClock } from '../system-clock.ts';
import { openedOnce } from './opened-once.ts';

export interface PeopleHost {
  readonly cluster: KubeClient;
  readonly leadership: Leadership;
  readonly stateFolder: string;
  readonly records: SharedRecords;
  readonly log: Logger;
}

export function openPeople({ cluster, leadership, stateFolder, records, log }: PeopleHost) {
  const authority = openedOnce(() => openPeopleAuthority({ stateFolder, records }));
  let trouble = '';
  return signPeople({
    client: cluster,
    clock: drillClock,
    term: () => leadership.term(),
    async certify({ role: asked, tenant, name, request, lifetimeMs }) {
      const role = roles.find((each) => each === asked);
      if (role === undefined) return { why: `there is no role \`${asked}\`; the roles are ${roles.join(', ')}` };
      const key = await requestedKey(request);
      if (key === undefined) return { why: 'the request is no PKCS #10 of whoever holds its key, which must be P-256' };
      const people = await authority();
      const scope = tenant === undefined ? ({ kind: 'mesh' } as const) : ({ kind: 'tenant', tenant } as const);
      return { pem: await people.certify({ role, scope, name }, key, lifetimeMs) };
    },
    report({ kind, ...details }) {
      if (kind === 'signed') log.info(details, 'somebody was let in at the management door');
      else if (kind === 'denied') log.warn(details, 'somebody was not let in at the management door');
      else if ('why' in details && trouble !== details.why) {
        trouble = details.why;
        log.warn(details, 'requests of people cannot be answered for now');
      }
    },
  });
}

/** The management door of one control plane: opened with it, kept in step with its certificate, closed with it. */
import { join } from 'node:path';
import type { SocketEndpoint } from '../config.ts';
import { makePrivateFolder } from '../identity/atomic-file.io.ts';
import type { Authority } from '../identity/authority.ts';
import type { Leaf } from '../identity/leaf.ts';
import type { SharedRecords } from '../identity/shared-records.ts';
import type { ManagementPorts } from './answer.ts';
import type { DoorCall } from './door-call.ts';
import { managementSocket } from './door-names.ts';
import { createManagementDoor, type DoorEvent } from './management-door.ts';
import type { ScrapePorts } from './metrics.ts';
import { openPeopleAuthority } from './people-authority.ts';

export interface ManagementOptions extends ManagementPorts, ScrapePorts {
  readonly state: string;
  /** Absent: no port, only the socket. */
  readonly admin: SocketEndpoint | undefined;
  observe(event: DoorEvent): void;
  /** For evidence. Absent: nobody keeps any. */
  called?(call: DoorCall): Promise<void> | undefined;
}

export interface Management {
  /** Opens the port, once there is a CA. @returns its address, if one is wanted. */
  openPort(authority: Authority, records: SharedRecords): Promise<string | undefined>;
  rotate(credentials: Leaf): void;
  close(): Promise<void>;
}

/** Opens the socket at once, so that a control plane that cannot start can be asked why. @throws DoorRefused */
export async function openManagement(options: ManagementOptions): Promise<Management> {
  let trustDomain: string | undefined;
  let anchorPem = '';
  const door = createManagementDoor(options, () => trustDomain, options.observe, options.called);
  await makePrivateFolder(options.state);
  await door.listenOnSocket(join(options.state, managementSocket));
  return {
    async openPort(authority, records) {
      const credentials = authority.serverCredentials();
      if (options.admin === undefined || credentials === undefined) return undefined;
      const people = await openPeopleAuthority({ stateFolder: options.state, records });
      trustDomain = authority.trustDomain;
      anchorPem = people.anchorPem;
      return door.listenOnTls(options.admin, credentials, anchorPem);
    },
    rotate: (credentials) => door.rotate(credentials, anchorPem),
    close: () => door.close(),
  };
}

/** Where the management door is, and what it is called: of use to who knocks, without all that stands behind it. */
import { defaultServerDnsName } from '../identity/authority.ts';

/** The Unix socket in the state folder. */
export const managementSocket = 'admin.sock';

/** The name that the control plane's certificate must carry. */
export const controlPlaneDnsName = defaultServerDnsName;

/** What the world is, as far as a pod's verdict hangs on it. */
import type { InjectSettings } from './settings.ts';

export interface AdmissionContext {
  readonly settings: InjectSettings;
  /** Whose the namespace is; undefined where it is nobody's, and then nothing is injected or refused. */
  readonly tenantOf: (namespace: string) => string | undefined;
  /** Keys of labels by which services and policies of the namespace choose their pods. */
  readonly selectingLabels: (namespace: string) => ReadonlySet<string>;
  /** Whether pods of `guest` may be on the nodes that `host` has to itself; a tenant's own may. */
  readonly isWelcome: (host: string, guest: string) => boolean;
  /** Drawn for this very request, of `sidecarUsers`. */
  readonly sidecarUser: number;
}

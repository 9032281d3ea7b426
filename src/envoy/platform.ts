import type { Workload } from '../model/snapshot.ts';

/** What stands around every proxy, the same for all of one control plane: how it is captured, where verdicts come from and records go. */
export interface Platform {
  readonly bypass: CaptureBypass;
  /** Authorization workers, sorted. */
  readonly authz: readonly { readonly address: string; readonly port: number }[];
  /** Where sidecars tell what happened: a port of the control plane, under mutual TLS. */
  readonly evidence: { readonly address: string; readonly port: number };
  /** Where a sidecar finds the system's CA certificates, for external services that bring none; read by Envoy, in its own file system. */
  readonly systemCaFile: string;
}

/** The same, as one proxy stands in it: where nothing is captured, nothing needs a way past, nor the privilege to mark one. */
export function platformOf(workload: Pick<Workload, 'capture'>, platform: Platform): Platform {
  return { ...platform, bypass: bypassOf(workload, platform.bypass) };
}

export function bypassOf({ capture }: Pick<Workload, 'capture'>, bypass: CaptureBypass): CaptureBypass {
  return capture === 'explicit' ? { kind: 'user' } : bypass;
}

/** How the sidecar's own connections are told from the application's, so that they are not captured again. */
export type CaptureBypass =
  /** By the user that Envoy runs as: nothing to say in the configuration. */
  | { readonly kind: 'user' }
  /** By a mark on every upstream socket; the only way where there is one user, and applications must be unable to set it. */
  | { readonly kind: 'mark'; readonly mark: number };

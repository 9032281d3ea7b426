/**
 * How a tenant's CA is replaced while its traffic flows: a pure machine of three steps, each safe, each with a way back.
 *
 *   resting ─▶ trusted ────────────▶ used ───────────────▶ dropped ─────────────────▶ resting
 *    {A}·A      {A,B}·A               {A,B}·B               {B}·B                      {B}·B     {anchors}·issuer
 *
 * A step is left only when every proxy has accepted what the step says, so at any moment every leaf that a proxy may
 * hold is accepted by every bundle that another may hold: `used` begins when nobody holds {A} alone, `dropped` when
 * nobody holds a leaf by A, the end comes when nobody trusts A.
 * The surprise: going back needs no machine of its own. With the two CAs' parts exchanged, `trusted` is `dropped`
 * ({A,B}·A is turned into {A}·A) and `used` is `used`; so an abort is `reversed`, and to abort an abort is to reverse again.
 */
export type TenantCa<Issuer> = RestingCa<Issuer> | CaRotation<Issuer>;

export interface RestingCa<Issuer> {
  readonly kind: 'resting';
  readonly issuer: Issuer;
  /** After an abort, epoch ms until which no rotation begins by itself: somebody had a reason. */
  readonly heldUntilMs?: number;
}

export interface CaRotation<Issuer> {
  readonly kind: 'rotating';
  /** What leaves, and what stays. Of an aborted rotation the new one leaves. */
  readonly from: Issuer;
  readonly to: Issuer;
  readonly step: RotationStep;
  /** Epoch ms at which this step began. */
  readonly sinceMs: number;
  readonly aborted: boolean;
}

export type RotationStep = 'trusted' | 'used' | 'dropped';

/** How long after an abort no rotation of that tenant begins by itself, in ms: a week, to find out why it was aborted. */
export const abortRestMs = 7 * 86_400_000;

export function begun<Issuer>({ issuer }: RestingCa<Issuer>, to: Issuer, nowMs: number): CaRotation<Issuer> {
  return { kind: 'rotating', from: issuer, to, step: 'trusted', sinceMs: nowMs, aborted: false };
}

/** The way back, from where it stands. Its own inverse. */
export function reversed<Issuer>(rotation: CaRotation<Issuer>, nowMs: number): CaRotation<Issuer> {
  const { from, to, step, aborted } = rotation;
  return { kind: 'rotating', from: to, to: from, step: opposite[step], sinceMs: nowMs, aborted: !aborted };
}

/** The next step. To be called only when every proxy has accepted what the step says. */
export function advanced<Issuer>(rotation: CaRotation<Issuer>, nowMs: number): TenantCa<Issuer> {
  switch (rotation.step) {
    case 'trusted':
      return { ...rotation, step: 'used', sinceMs: nowMs };
    case 'used':
      return { ...rotation, step: 'dropped', sinceMs: nowMs };
    case 'dropped':
      return {
        kind: 'resting',
        issuer: rotation.to,
        ...(rotation.aborted ? { heldUntilMs: nowMs + abortRestMs } : {}),
      };
  }
}

/** Who signs the tenant's leaves. */
export function issuerOf<Issuer>(ca: TenantCa<Issuer>): Issuer {
  if (ca.kind === 'resting') return ca.issuer;
  return ca.step === 'trusted' ? ca.from : ca.to;
}

/** Whom peers of the tenant believe: one CA, or two of this one tenant while they change places. */
export function anchorsOf<Issuer>(ca: TenantCa<Issuer>): readonly Issuer[] {
  if (ca.kind === 'resting') return [ca.issuer];
  return ca.step === 'dropped' ? [ca.to] : [ca.from, ca.to];
}

const opposite = { trusted: 'dropped', used: 'used', dropped: 'trusted' } as const;

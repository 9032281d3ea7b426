/**
 * Who holds a step of a CA's rotation back: the proxies that were told of the CA and have not accepted what was last said.
 *
 *   proxies told of it + their streams ──holdoutsOf──▶ each that is away, silent or refuses, by name
 *
 * All secrets of a proxy are one type on one stream, so an accepted SDS is an accepted leaf and an accepted bundle.
 * A proxy that is away keeps the secrets it has and goes on serving with them: it counts until its leaf has ended: rotations.ts.
 */
import type { ClientStatus } from '../xds/client-status.ts';
import { typeUrls } from '../xds/type-url.ts';

export interface Holdout {
  /** `namespace/name`. */
  readonly workload: string;
  readonly why: HoldoutReason;
}

export type HoldoutReason =
  /** No stream is open. */
  | { readonly kind: 'away' }
  /** Something was sent, or is about to be, that it has not answered. */
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'refused'; readonly message: string }
  /** A replica that serves it has not published this step yet. */
  | { readonly kind: 'behind' }
  /** Its configuration waits for a certificate or could not be built, so nothing new was sent. */
  | { readonly kind: 'untold' };

/**
 * How long a stream may ask for no secret before that means "it uses none", in ms. A proxy that returns names all its
 * types in one burst, and one that starts asks for secrets as soon as it has a cluster or a listener with TLS.
 */
export const silenceMs = 5_000;

/**
 * @param untold workloads of which it is not known what they were told last.
 * @param behind workloads with a stream at a replica that has not published this step.
 */
export function holdoutsOf(
  told: readonly string[],
  untold: readonly string[],
  behind: ReadonlySet<string>,
  clients: readonly ClientStatus[],
  nowMs: number,
): readonly Holdout[] {
  const streams = Map.groupBy(clients, ({ key }) => key);
  return [
    ...untold.map((workload) => ({ workload, why: { kind: 'untold' } as const })),
    ...told.flatMap((workload) => {
      if (behind.has(workload)) return [{ workload, why: { kind: 'behind' } as const }];
      const [why] = (streams.get(workload) ?? [undefined]).flatMap((stream) => reasonOf(stream, nowMs) ?? []);
      return why === undefined ? [] : [{ workload, why }];
    }),
  ];
}

export function tellHoldout({ workload, why }: Holdout): string {
  switch (why.kind) {
    case 'away':
      return `the proxy of \`${workload}\` is not connected`;
    case 'unanswered':
      return `the proxy of \`${workload}\` has not answered what it was sent`;
    case 'refused':
      return `the proxy of \`${workload}\` refused its secrets: ${why.message}`;
    case 'behind':
      return `the replica of the control plane that serves \`${workload}\` has not told it of this step yet`;
    case 'untold':
      return `\`${workload}\` could not be told anything new; the log says why`;
  }
}

function reasonOf(stream: ClientStatus | undefined, nowMs: number): HoldoutReason | undefined {
  if (stream === undefined) return { kind: 'away' };
  const secrets = stream.types.find(({ typeUrl }) => typeUrl === typeUrls.secret);
  if (secrets === undefined) return nowMs - stream.openedAtMs < silenceMs ? { kind: 'unanswered' } : undefined;
  switch (secrets.state) {
    case 'NACKED':
      return { kind: 'refused', message: secrets.nack?.message ?? '' };
    case 'STALE':
      return { kind: 'unanswered' };
    case 'SYNCED':
    case 'NOT_SENT':
      return undefined;
  }
}

/**
 * What a person asks for who wants to be let in at the management door by what the cluster knows of them.
 *
 *   CertificateSigningRequest ──signerName──▶ role, tenant      ──spec.username, groups (set by the API server)──▶ who
 *
 *   coffre.dev/game-master          of the whole mesh            coffre.dev/shop.game-master          of the tenant `shop`
 *
 * What is asked for stands in the spec, which nobody can change later; of the request inside only the key is used, so
 * no name that somebody writes is believed. The person's name is made of the user's: it is what tells a second person
 * from the first, and no user has two.
 */
import { createHash } from 'node:crypto';
import { isRecord } from '../../model/prune.ts';
import type { KubeObject } from '../objects.ts';

const signer = /^coffre\.dev\/(?:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.)?([a-z-]{1,32})$/;

/** Life of a certificate unless told otherwise, and at most, in ms: a working day. */
const personLifetimeMs = 12 * 3_600_000;
/** Shortest that Kubernetes lets anybody ask for, in ms. */
const lifetimeMsMin = 600_000;

export interface PersonRequest {
  readonly role: string;
  /** Undefined: the whole mesh. */
  readonly tenant: string | undefined;
  /** As the management door will call them. */
  readonly name: string;
  readonly user: KubeUser;
  /** PEM: hostile. */
  readonly request: string;
  readonly lifetimeMs: number;
}

/** As a SubjectAccessReview takes it. */
export interface KubeUser {
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid: string;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** @returns undefined of a request that is not for us, or was answered. */
export function personRequest({ spec, status }: KubeObject): PersonRequest | undefined {
  if (!isRecord(spec) || typeof spec['request'] !== 'string' || typeof spec['username'] !== 'string') return undefined;
  const [, tenant, role] = signer.exec(String(spec['signerName'])) ?? [];
  if (role === undefined || isAnswered(status)) return undefined;
  const { username, groups, uid, extra, expirationSeconds } = spec;
  const askedMs = typeof expirationSeconds === 'number' ? expirationSeconds * 1_000 : personLifetimeMs;
  return {
    ...{ role, tenant, name: personNameOf(username) },
    user: {
      user: username,
      groups: Array.isArray(groups) ? groups.map(String) : [],
      uid: String(uid ?? ''),
      extra: isRecord(extra) ? extra : {},
    },
    request: Buffer.from(spec['request'], 'base64').toString('utf8'),
    lifetimeMs: Math.min(Math.max(askedMs, lifetimeMsMin), personLifetimeMs),
  };
}

function isAnswered(status: unknown): boolean {
  if (!isRecord(status)) return false;
  const { certificate, conditions } = status;
  const ends = new Set(['Denied', 'Failed']);
  return Boolean(certificate) || (Array.isArray(conditions) && conditions.some(({ type }) => ends.has(type)));
}

/** Longest part that people read, in characters; behind it stands what makes it theirs alone. */
const readableMax = 40;

/** @returns what a person may be called, and for each user another. */
export function personNameOf(username: string): string {
  const digest = createHash('sha256').update(username).digest('hex').slice(0, 12);
  const readable = username
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .slice(0, readableMax)
    .replaceAll(/^[^a-z0-9]+/g, '');
  return readable === '' ? digest : `${readable}.${digest}`;
}

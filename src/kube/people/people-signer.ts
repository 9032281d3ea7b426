/**
 * Certificates for people, by what RBAC says of them: the leader answers each request once.
 *
 *   request ──may this user `use` the role, there?──▶ SubjectAccessReview ──yes──▶ approved, signed
 *                                                                         └─no──▶ denied, with what is missing
 *
 * Nobody's token comes to us, and the API server knows its users by whatever it knows them by. The door itself stays as
 * it is: it lets in certificates and nothing else.
 */

import type { KubeClient } from '../kube-client.ts';
import { listPages } from '../list-pages.ts';
import { type Collection, type KubeObject, KubeObjects, type Outcome } from '../objects.ts';
import { type Pace, type PaceClock, PacedLook } from '../paced-look.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { type PersonRequest, personRequest } from './person-request.ts';

/** Of looks at the requests: somebody waits at a terminal. */
const pace: Pace = { gapMs: 0, lastMs: 2_000 };
/** Those of kubelets and others lie among them, and must not hide ours. */
const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

const requests: Collection = { group: 'certificates.k8s.io', version: 'v1', plural: 'certificatesigningrequests' };
const reviews: Collection = { group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews' };

/** Named in rules of RBAC alone: there is no such object. */
export const rolesResource = 'doorroles';
const signerNames = 'coffre.dev/*';

/** What this needs, cluster-wide. */
export const peopleRules: readonly PolicyRule[] = [
  { apiGroups: [requests.group], resources: [requests.plural], verbs: ['get', 'list'] },
  {
    apiGroups: [requests.group],
    resources: [`${requests.plural}/approval`, `${requests.plural}/status`],
    verbs: ['update'],
  },
  { apiGroups: [requests.group], resources: ['signers'], resourceNames: [signerNames], verbs: ['approve', 'sign'] },
  { apiGroups: [reviews.group], resources: [reviews.plural], verbs: ['create'] },
];

export interface PeopleSignerPorts {
  readonly client: KubeClient;
  readonly clock: PaceClock;
  /** Of this replica, while it leads. */
  term(): number | undefined;
  /** @returns the certificate and its chain; why not, where the request is none or there is no such role. */
  certify(asked: PersonRequest): Promise<{ readonly pem: string } | { readonly why: string }>;
  /** Must not throw. */
  report(event: PeopleEvent): void;
}

export type PeopleEvent =
  | { readonly kind: 'signed'; readonly user: string; readonly role: string; readonly scope: string }
  | {
      readonly kind: 'denied';
      readonly user: string;
      readonly role: string;
      readonly scope: string;
      readonly why: string;
    }
  | { readonly kind: 'troubled'; readonly why: string };

export function signPeople(ports: PeopleSignerPorts) {
  const stop = new AbortController();
  const objects = new KubeObjects(ports.client, stop.signal);
  const looking = new PacedLook(ports.clock, pace, look);

  async function look(): Promise<void> {
    try {
      if (ports.term() !== undefined) await answerAll();
    } catch (error) {
      if (!stop.signal.aborted) ports.report({ kind: 'troubled', why: String(error) });
    }
  }

  async function answerAll(): Promise<void> {
    for await (const page of listPages(ports.client, path, stop.signal)) {
      if (typeof page === 'number') {
        throw new Error(`requests of people cannot be listed: the API server answered ${page}`);
      }
      for (const each of page) await answer(each);
    }
  }

  async function answer(object: KubeObject): Promise<void> {
    const asked = personRequest(object);
    if (asked === undefined || ports.term() === undefined) return;
    const { role, tenant, user } = asked;
    const scope = tenant ?? 'the mesh';
    const allowed = await mayUse(asked);
    if (allowed === undefined) return;
    const why = `\`${user.user}\` may not \`use\` \`${rolesResource}.coffre.dev/${role}\` in ${tenant === undefined ? 'the cluster' : `\`${tenant}\``}`;
    const made = allowed ? await ports.certify(asked) : { why };
    if ('why' in made) {
      const denied = await decided(object, 'Denied', made.why);
      if (denied !== undefined) ports.report({ kind: 'denied', user: user.user, role, scope, why: made.why });
      return;
    }
    const approved = await decided(object, 'Approved', 'RBAC lets this user bear the role');
    if (approved === undefined) return;
    const status = { ...(approved['status'] as object), certificate: Buffer.from(made.pem).toString('base64') };
    const signed = taken(await objects.replace(requests, { ...approved, status }, 'status'));
    if (signed !== undefined) ports.report({ kind: 'signed', user: user.user, role, scope });
  }

  /** @returns undefined where nobody could say. */
  async function mayUse({ role, tenant = '', user }: PersonRequest): Promise<boolean | undefined> {
    const attributes = { group: 'coffre.dev', resource: rolesResource, name: role, verb: 'use', namespace: tenant };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' };
    const answered = taken(
      await objects.create(reviews, { ...review, spec: { ...user, resourceAttributes: attributes } }),
    );
    const status = answered?.['status'] as { readonly allowed?: boolean } | undefined;
    return status?.allowed;
  }

  async function decided(object: KubeObject, type: 'Approved' | 'Denied', message: string) {
    const { conditions = [] } = (object['status'] ?? {}) as { readonly conditions?: readonly { type: string }[] };
    if (conditions.some((each) => each.type === type)) return object;
    const condition = { type, status: 'True', reason: 'CoffreRole', message };
    const status = { ...(object['status'] as object), conditions: [...conditions, condition] };
    return taken(await objects.replace(requests, { ...object, status }, 'approval'));
  }

  /** What changed meanwhile is seen at the next look. */
  function taken(outcome: Outcome): KubeObject | undefined {
    if (outcome.kind === 'done') return outcome.object;
    if (outcome.kind === 'refused' || outcome.kind === 'unanswered') {
      ports.report({ kind: 'troubled', why: outcome.message });
    }
    return undefined;
  }

  return {
    /** What is under way is let go of. */
    async close() {
      stop.abort();
      await looking.close();
    },
  };
}
